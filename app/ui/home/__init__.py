"""The Home manager."""
