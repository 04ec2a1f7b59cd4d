"""Reading a media without an installation; see `__main__`."""
