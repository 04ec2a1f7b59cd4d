"""What the managers can ask for; local and remote adapters."""
