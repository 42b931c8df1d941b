"""Tools about repositories as such."""
