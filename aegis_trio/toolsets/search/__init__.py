"""Tools that search."""
