"""The page of a recovery kit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime


def kit_text(secret: str, media: str, set_id: str, keys: Sequence[str], made_at: datetime) -> str:
    """What is printed. The first line is the recovery key, so the file serves as a password file too."""
    return f"""{secret}

RECOVERY KIT

Media      {media}
Set        {set_id}
Keys       {", ".join(keys)}
Made       {made_at:%Y-%m-%d %H:%M} UTC

The first line is a recovery key. It opens the encrypted sessions of this media's set when the password is
lost, and what the media keep of the server: its jobs, accounts and hosts. Whoever has it can read them: keep
this page where you keep keys, away from the media.

Letters and digits are 0-9 and A-Z without I, L, O and U; small letters and blanks do no harm. The last
character of each group checks the others, so mistyping is told by group.

To try it        arcxo media recovery-kit test "{media}" --kit-file FILE
To restore       arcxo restore session "{media}" NUMBER --to DIRECTORY --session-password-file FILE
Server lost      arcxo init --from-media DIRECTORY --session-password-file FILE
Without Arcxo    python -m app.media.extract DIRECTORY_OF_THE_MEDIA NUMBER TARGET --password-file FILE

FILE is this page as a file, or any file whose first line is the recovery key.
"""
