"""Authentication: which principal a credential stands for, and whose Gitea token it acts with.

Layer 3c.
"""
