"""Notification engine."""
