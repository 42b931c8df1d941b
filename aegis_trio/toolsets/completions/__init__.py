"""Completions: what an argument of a prompt or of a resource's template could be, while somebody types it."""
