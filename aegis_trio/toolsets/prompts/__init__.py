"""Prompts: what a person chooses from a menu, one room each."""
