"""Recovery keys: a random secret that a person prints and types in again, told where it is mistyped."""

from __future__ import annotations

import secrets

from app.model.errors import CredentialsError

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Base 32 without the letters that look like others (Crockford's)."""
_GROUPS, _DATA = 8, 4
LENGTH = _GROUPS * (_DATA + 1)
_FOLD = str.maketrans("OIL", "011", "- \t")
_VALUES = {letter: value for value, letter in enumerate(ALPHABET)}


def _doubled(value: int) -> int:
    """Times x in GF(32), with x^5 + x^2 + 1."""
    value <<= 1
    return value ^ 0b100101 if value & 32 else value


def check_character(group: int, data: str) -> str:
    """The fifth character of a group (from 0): it shows wrong, swapped and misplaced ones.

    The sum of the group's values times x, x², x³, x⁴ in GF(32), plus the group's number.
    """
    total = 0
    for letter in reversed(data):
        total = _doubled(total ^ _VALUES[letter])
    return ALPHABET[total ^ group]


def new_recovery_key() -> str:
    """160 bits of chance as eight groups of five characters."""
    groups = []
    for group in range(_GROUPS):
        data = "".join(secrets.choice(ALPHABET) for _ in range(_DATA))
        groups.append(data + check_character(group, data))
    return "-".join(groups)


def folded(text: str) -> str | None:
    """A recovery key in its canonical form (40 characters), None when the text has another shape."""
    plain = text.upper().translate(_FOLD)
    return plain if len(plain) == LENGTH and set(plain) <= set(ALPHABET) else None


def mistyped_groups(text: str) -> list[int]:
    """The groups (from 1) whose check character does not fit; none for what is no recovery key at all."""
    plain = folded(text)
    if plain is None:
        return []
    parts = [plain[at : at + _DATA + 1] for at in range(0, LENGTH, _DATA + 1)]
    return [n + 1 for n, part in enumerate(parts) if check_character(n, part[:_DATA]) != part[_DATA]]


def check_recovery_key(text: str) -> str:
    """The canonical form. CredentialsError E4137 when it has another shape, E4138 naming mistyped groups."""
    plain = folded(text)
    if plain is None:
        raise CredentialsError("E4137")
    wrong = mistyped_groups(text)
    if wrong:
        raise CredentialsError("E4138", groups=", ".join(map(str, wrong)))
    return plain
