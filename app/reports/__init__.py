"""Report engine."""
