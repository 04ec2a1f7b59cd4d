"""Job Status: the job queue with its monitor, and the activity log."""
