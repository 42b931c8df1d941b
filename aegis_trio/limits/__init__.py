"""The state around policy's arithmetic: how often and how much at once each principal calls, and who guesses keys.

Layer 3b. Everything is in memory and bounded; a restart forgets it.
"""
