"""Telling people of events: by a script of theirs, and in the log of the operating system."""
