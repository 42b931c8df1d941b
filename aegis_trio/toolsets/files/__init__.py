"""Tools about the files of a repository."""
