"""Dialogs shared by the managers."""
