"""Tools about issues, and about pull requests as far as they are issues."""
