"""Sessions: headers, and the commit that makes one visible in a single step."""

from __future__ import annotations

import dataclasses
import re
from base64 import b64decode, b64encode
from datetime import datetime

from app.media.document import Document, decode_document, encode_document, moment_of
from app.media.generations import check_against_header, newest_object
from app.media.intents import Intent
from app.media.mediaset import members
from app.media.node import NAME_MOST
from app.media.refs import PackReference, encode_refs, refs_hash
from app.media.store import DirectoryMediaStore, MediaStore, get_if_there
from app.media.values import SessionHeader
from app.model.errors import ArcxoError, BusyError, NotFoundError
from app.model.media import Consistency
from app.model.paths import check_relative

_NUMBER = re.compile(r"\d{6}")
_FORMAT = "arcxo session"
_ID = 32
_TEXT = re.compile("[^\\0\\ud800-\\udc7f\\udd00-\\udfff]*")
"""What names can be: those that are not UTF-8 have surrogates of U+DC80 to U+DCFF in their place."""


def header_name(number: int) -> str:
    """The object of a session's header."""
    return f"sessions/{number:06d}"


def _to_document(header: SessionHeader) -> Document:
    fields: Document = {"format": _FORMAT, "format_version": 1}
    for field in dataclasses.fields(header):
        value = getattr(header, field.name)
        if isinstance(value, datetime):
            value = value.isoformat()
        elif isinstance(value, bytes):
            value = value.hex()
        elif field.name == "roots":
            value = [b64encode(path).decode() for path in value]
        fields[field.name] = value
    return fields


def _from_document(fields: Document) -> SessionHeader:
    values: dict[str, object] = {}
    for field in dataclasses.fields(SessionHeader):
        if field.name not in fields and field.default is not dataclasses.MISSING:
            continue  # the header of a version that did not know it yet
        value = fields[field.name]
        if field.name.endswith("_at"):
            value = moment_of(value)
        elif field.name in ("root_id", "refs_hash"):
            value = bytes.fromhex(value)
            if len(value) != _ID:
                raise ValueError(field.name)
        elif field.name == "roots":
            value = tuple(_root(path) for path in value)
        elif field.name == "consistency":
            value = Consistency(value)
        elif field.name == "owners_id":
            bytes.fromhex(value)
        elif not isinstance(value, {"str": str, "int": int, "bool": bool}[str(field.type)]):
            raise TypeError(field.name)
        if isinstance(value, int) and not -1 <= value < 1 << 63:
            raise ValueError(field.name)
        if isinstance(value, str) and not _TEXT.fullmatch(value):
            raise ValueError(field.name)
        values[field.name] = value
    return SessionHeader(**values)  # type: ignore[arg-type]  # each type was checked just above


def _root(told: object) -> bytes:
    """A directory that was backed up. ValueError, TypeError for what is none."""
    if not isinstance(told, str):
        raise TypeError(told)
    path = b64decode(told, validate=True)
    if not path.startswith(b"/"):
        raise ValueError(told)
    try:
        check_relative(path[1:], NAME_MOST)
    except ArcxoError as error:
        raise ValueError(told) from error
    return path


def numbers(store: MediaStore) -> list[int]:
    """The numbers taken on a media."""
    return [int(name) for name, _ in store.names("sessions") if _NUMBER.fullmatch(name)]


def load_header(store: MediaStore, number: int) -> SessionHeader:
    """One header. NotFoundError E4121 when there is none, E4122 when it is damaged."""
    data = get_if_there(store, header_name(number))
    if data is None:
        raise NotFoundError("E4121", media=store.location, session=number)
    return decode_header(data, store.location, number)


def decode_header(data: bytes, location: str, number: int) -> SessionHeader:
    """The header that `data` says. Raises ArcxoError E4122 when it says none of that number."""
    fields = decode_document(data, "E4122", media=location, session=number)
    try:
        header = _from_document(fields)
    except (KeyError, ValueError, TypeError) as error:
        raise ArcxoError(
            "E4122", media=location, session=number, reason="a field is missing or wrong"
        ) from error
    if fields.get("format") != _FORMAT or header.number != number:
        raise ArcxoError("E4122", media=location, session=number, reason="it is another object")
    return header


def read_header(media_path: str, number: int) -> SessionHeader:
    """See `app.media.api.read_session`."""
    return load_header(DirectoryMediaStore(media_path), number)


def headers(media_path: str) -> list[SessionHeader]:
    """See `app.media.api.sessions`."""
    store = DirectoryMediaStore(media_path)
    found: list[SessionHeader] = []
    for number in numbers(store):
        try:
            found.append(load_header(store, number))
        except ArcxoError as error:
            # Damaged, or removed since it was listed.
            if error.code not in ("E4121", "E4122"):
                raise
    return found


def unreadable(media_path: str) -> list[tuple[int, ArcxoError]]:
    """See `app.media.api.unreadable_sessions`."""
    store = DirectoryMediaStore(media_path)
    found: list[tuple[int, ArcxoError]] = []
    for number in numbers(store):
        try:
            load_header(store, number)
        except ArcxoError as error:
            if error.code == "E4122":
                found.append((number, error))
            elif error.code != "E4121":
                raise
    return found


def load_refs(store: MediaStore, header: SessionHeader) -> list[PackReference]:
    """The packs a session refers to. E4124 when the object is missing or not the one of the header."""
    try:
        generation, data = newest_object(store, header.number)
        return check_against_header(data, generation, header.refs_hash)
    except ValueError as error:
        raise ArcxoError("E4124", media=store.location, session=header.number, reason=str(error)) from error


def commit(
    store: DirectoryMediaStore, intent: Intent, header: SessionHeader, references: list[PackReference]
) -> SessionHeader:
    """Make the session visible: refs, then the header under the next free number.

    Every pack referred to is checked first (E4146 when one is gone). A number whose refs object is taken is
    passed over, so a writer that died between the two objects costs a number and nothing else. A writer that
    was judged dead takes its header back (BusyError E4145).
    """
    for one in references:
        if store.size(f"packs/{one.pack_id}") != one.size or store.size(f"index/{one.pack_id}") is None:
            raise ArcxoError("E4146", media=store.location, object=one.pack_id)
    refs = encode_refs(references)
    header = dataclasses.replace(header, refs_hash=refs_hash(refs))
    intent.claim_commit()
    # Numbers go on over the media of a set, so that a number and the set's name tell a session.
    taken = [name for one in members(store) for name, _ in one.names("sessions")]
    number = max([0, *(int(name[:6]) for name in taken if name[:6].isdigit())]) + 1
    while True:
        if store.put_if_absent(header_name(number) + ".refs", refs):
            header = dataclasses.replace(header, number=number)
            if store.put_if_absent(header_name(number), encode_document(_to_document(header))):
                try:
                    intent.confirm()
                except BusyError:
                    store.delete(header_name(number))
                    store.synchronize_directory("sessions")
                    raise
                return header
        number += 1
