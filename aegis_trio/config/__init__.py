"""Configuration: every feature's own frozen settings, gathered from environment, `.env` and secret files.

Layer 8a. `table.py` is the one source: reading, faults, `.env.example` and the reference are made from it.
"""
