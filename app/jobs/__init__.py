"""Queue, claims, scheduler, one file per job kind."""
