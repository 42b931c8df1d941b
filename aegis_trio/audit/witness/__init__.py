"""Witnesses of the log, from both sides: the one that cosigns (request, judgement, vault), and the one that asks.

`request` is what travels, `judgement` decides, `vault` remembers. `prover`, `push` and `cosigned` are the gate's side;
`exchange` is its HTTP.

Layer 3b. Pure: request, judgement. Not here: listening (web, supervisor).

Source: c2sp.org/tlog-witness (C2SP repository, 5ba5ee8).
"""
