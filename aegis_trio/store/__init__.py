"""Durable state behind one interface: who the clients are, what people granted, which tokens are good.

Layer 3a. `interface` says what a store does, `sqlite` is the embedded one, `memory` forgets at the end. What stands in
a row is its owner's business (auth/); the store sees bytes, expiries and versions only, so that Redis can be one too.

The store is trusted: whoever can write to it can let anybody in. Tokens stand in it as digests or sealed.
"""
