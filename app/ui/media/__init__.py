"""Devices and media, media pools, and the work on them."""
