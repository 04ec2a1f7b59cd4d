"""Wizards: Qt-free flows and their thin pages."""
