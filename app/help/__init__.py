"""The help: pages for people, with contents and search, and a page for each message code. Qt-free."""

from app.help.library import Hit, Library, Page, load

__all__ = ["Hit", "Library", "Page", "load"]
