"""The message catalogue: a code and parameters become text at the edge.

Every part of Arcxo adds its own file to `catalogue/`; see `resources/docs/architecture.md` for the form.
"""

from __future__ import annotations

from app.messages.catalogue import Catalogue, Message, Rendered, describe, exit_code, load, render

__all__ = ["Catalogue", "Message", "Rendered", "describe", "exit_code", "load", "render"]
