"""The replica's side of replication: apply, undo and rewind log, change numbers, listings."""
