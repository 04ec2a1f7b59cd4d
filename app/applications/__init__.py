"""What a scenario type knows of its application."""
