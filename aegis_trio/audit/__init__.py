"""The audit trail: what was asked for, by whom, and what came of it, durable before anything happens.

Writing: a record is made by `entry`, bounded and rendered by `canonical`, linked by `chain`, queued by `trail`, written
by `writer` into the file that `files` holds and `opening` takes. `recovery` judges that file at start; `rotation`
begins the next one; `pulse` keeps silence from being taken for peace.

Signing: `signer` keeps the `tree` over what is durable and signs its root as a `checkpoint`, which is one of `notes`;
`checkpoint_files` holds them, `resume` finds them again, `adopt` and `repair` are a person's decisions.

Reading, by whoever has the files: `verify` with what `claims` says, `prove` and `proof`; `reader` for the chain alone.

Outside: `witness` brings checkpoints to whoever cosigns them, and is that witness too. `export` gives records other
systems' forms; `following` reads on while the writer writes; `search` chooses, `summary` counts.

Layer 3b. Pure, without files: canonical, chain, checkpoint, entry, notes, proof, search, summary, tree.
A segment is named as `log_files` says, and begins with one of `chain.CONTINUING_EVENTS`.
"""
