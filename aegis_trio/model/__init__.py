"""The words that every layer speaks: identity, call, outcome, decision, faults, refs, secrets, clock, tool spec.

Layer 0. Nothing here does input or output, and nothing here imports another package of the gate.
"""
