"""Restore Manager: find, choose, plan, restore."""
