"""The media store: devices, media, packs, sessions, keys, verify."""
