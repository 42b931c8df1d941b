"""Logs and metrics: what the operator sees of a running gate."""
