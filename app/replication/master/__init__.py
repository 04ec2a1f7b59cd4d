"""The master's side of replication: shadow, recorder, spool, synchronisation, transfer, and its engine."""
