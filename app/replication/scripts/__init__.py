"""Scripts of the administrator: checked, run beside the engine, bounded in time, their end an event."""
