"""Command line, one file per noun."""
