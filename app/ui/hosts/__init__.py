"""The Hosts manager: the other computers this home works with, and how they are trusted."""
