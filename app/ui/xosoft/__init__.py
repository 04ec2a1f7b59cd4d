"""The XOsoft Manager: scenarios, framework and events."""
