"""The XOsoft engine: capture, shadow, spool, transfer, apply, undo and rewind log."""
