"""The audit trail: what was asked for, by whom, and what came of it, durable before anything happens.

A record is made by `entry`, bounded and rendered by `canonical`, linked by `chain`, queued by `trail`, written by
`writer` into the file that `files` holds. `recovery` judges that file at start, `reader` at any time.

Layer 3b. Not here yet: tree, checkpoints, rotation and export; they read these lines and change none.
"""
