"""A scenario's definition as an XML file, and back.

Text that XML cannot hold (paths that are not UTF-8, control characters) is base64 with
`encoding="base64"`. The file may have been edited or sent by anyone: no DTD, no entities, bounded size.
"""

from __future__ import annotations

import base64
import dataclasses
import os
import re
from typing import Any, NoReturn
from xml.etree import ElementTree as ET  # builds only; defusedxml parses

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from app.model.errors import ArcxoError
from app.model.filters import PATTERN_MOST_CHARACTERS, PATTERNS_MOST, compiled
from app.model.paths import PATH_MAX_BYTES, check_relative, is_utf8, shown
from app.model.properties import check_override, property_text, property_value
from app.model.scenario import (
    Filters,
    Override,
    ProductType,
    ReplicaSpec,
    Root,
    Scenario,
    ScenarioProperties,
    ServerType,
)

DEFINITION_MAX_BYTES = 1024 * 1024
FORMAT_VERSION = 1
_NOT_XML = re.compile("[^\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_xml(scenario: Scenario) -> bytes:
    """The definition file of `scenario`."""
    top = ET.Element(
        "scenario",
        {
            "format": str(FORMAT_VERSION),
            "id": str(scenario.id),
            "name": scenario.name,
            "version": str(scenario.version),
            "server-type": scenario.server_type.value,
            "product": scenario.product.value,
            "group": scenario.group,
        },
    )
    master = ET.SubElement(top, "master", {"host": scenario.master})
    for root in scenario.roots:
        _add_path(master, "root", root.master_path)
    for replica in scenario.replicas:
        element = ET.SubElement(top, "replica", {"host": replica.host})
        for path in replica.paths:
            _add_path(element, "root", path)
        for own in replica.overrides:
            ET.SubElement(element, "property", {"name": own.name, "value": own.value})
    filters = ET.SubElement(top, "filters")
    for pattern in scenario.filters.include:
        _add_path(filters, "include", os.fsencode(pattern))
    for pattern in scenario.filters.exclude:
        _add_path(filters, "exclude", os.fsencode(pattern))
    properties = ET.SubElement(top, "properties")
    for field in dataclasses.fields(ScenarioProperties):
        text = property_text(getattr(scenario.properties, field.name))
        ET.SubElement(properties, "property", {"name": field.name, "value": text})
    ET.indent(top)
    made: bytes = ET.tostring(top, encoding="utf-8", xml_declaration=True)
    return made + b"\n"


def from_xml(xml: bytes, source: str = "") -> Scenario:
    """The scenario that `to_xml` wrote; `source` names the file in errors.

    Raises:
        ArcxoError: E3370 with the cause when the definition cannot be read.
    """
    if len(xml) > DEFINITION_MAX_BYTES:
        _refuse(source, "the file is larger than a definition can be")
    try:
        top = fromstring(xml, forbid_dtd=True)
    except DefusedXmlException as error:
        raise _unreadable(source, "it declares a document type or entities") from error
    except (ET.ParseError, ValueError, LookupError) as error:
        raise _unreadable(source, f"it is not well-formed XML ({error})") from error
    if top.tag != "scenario" or top.get("format") != str(FORMAT_VERSION):
        _refuse(source, "it is not a scenario definition of a known format")
    try:
        return _scenario(top)
    except (KeyError, ValueError, TypeError) as error:
        raise _unreadable(source, f"a value is missing or wrong ({error})") from error
    except ArcxoError as error:
        if error.code == "E3370":
            raise
        raise _unreadable(source, f"a path is not valid ({error})") from error


def _scenario(top: Any) -> Scenario:
    master = top.find("master")
    filters = top.find("filters")
    if master is None:
        raise KeyError("master")
    roots = tuple(Root(_absolute(element)) for element in master.findall("root"))
    replicas = tuple(
        ReplicaSpec(
            _word(element, "host"),
            tuple(_absolute(path) for path in element.findall("root")),
            tuple(
                Override(item.attrib["name"], check_override(item.attrib["name"], item.attrib["value"]))
                for item in element.findall("property")
            ),
        )
        for element in top.findall("replica")
    )
    if not roots or not replicas or any(len(replica.paths) != len(roots) for replica in replicas):
        raise ValueError("each replica needs one directory for each root")
    number = int(top.attrib["id"])
    version = int(top.attrib["version"])
    if not 0 < number < 1 << 62 or not 0 < version < 1 << 62:
        raise ValueError("id or version")
    return Scenario(
        id=number,
        name=_word(top, "name"),
        server_type=ServerType(top.attrib["server-type"]),
        product=ProductType(top.attrib["product"]),
        master=_word(master, "host"),
        roots=roots,
        replicas=replicas,
        group=_word(top, "group"),
        filters=_filters(filters) if filters is not None else Filters(),
        properties=_properties(top.find("properties")),
        version=version,
    )


def _filters(element: Any) -> Filters:
    include = tuple(os.fsdecode(_bytes_of(e)) for e in element.findall("include"))
    exclude = tuple(os.fsdecode(_bytes_of(e)) for e in element.findall("exclude"))
    for patterns in (include, exclude):
        if len(patterns) > PATTERNS_MOST or any(len(text) > PATTERN_MOST_CHARACTERS for text in patterns):
            raise ValueError("too many or too long filters")
        try:
            compiled(patterns)
        except re.error as error:
            raise ValueError(f"a filter ({error})") from error
    return Filters(include, exclude)


def _properties(element: Any) -> ScenarioProperties:
    if element is None:
        return ScenarioProperties()
    values: dict[str, Any] = {}
    for item in element.findall("property"):
        name, text = item.attrib["name"], item.attrib["value"]
        # Properties of a later version are refused rather than dropped: they would be lost on saving.
        try:
            values[name] = property_value(name, text)
        except KeyError as error:
            raise ValueError(f"unknown property {name}") from error
        except ValueError as error:
            raise ValueError(f"{name} must be {error}") from error
    return ScenarioProperties(**values)


def _word(element: Any, name: str) -> str:
    value = str(element.attrib[name])
    if not value or len(value) > 255:
        raise ValueError(name)
    return value


def _add_path(parent: ET.Element, tag: str, path: bytes) -> None:
    element = ET.SubElement(parent, tag)
    # Line breaks would come back changed by XML's own rules, hence not as text either.
    if is_utf8(path) and not _NOT_XML.search(path.decode()) and not set(path) & set(b"\r\n\t"):
        element.set("path", path.decode())
    else:
        element.set("encoding", "base64")
        element.set("path", base64.b64encode(path).decode("ascii"))


def _bytes_of(element: Any) -> bytes:
    text = str(element.attrib["path"])
    if element.get("encoding") == "base64":
        return base64.b64decode(text, validate=True)
    if element.get("encoding") is not None:
        raise ValueError("encoding")
    return text.encode()


def _absolute(element: Any) -> bytes:
    path = _bytes_of(element)
    if not path.startswith(b"/") or len(path) > PATH_MAX_BYTES:
        raise ValueError(f"{shown(path[:200])} is not an absolute path")
    check_relative(path[1:])
    return path


def _unreadable(source: str, cause: str) -> ArcxoError:
    return ArcxoError("E3370", scenario=source or "definition", replica="—", cause=cause)


def _refuse(source: str, cause: str) -> NoReturn:
    raise _unreadable(source, cause)
