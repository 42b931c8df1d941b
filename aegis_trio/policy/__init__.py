"""Pure decisions: who may use what, and how often. Values in, decisions out.

Layer 2. Nothing here does input or output.
"""
