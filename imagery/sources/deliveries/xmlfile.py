"""An XML file from outside, read with the standard library's expat: no DTD, no entities, bounded in size."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from imagery.errors import UnreadableError

MAX_XML_BYTES = 16 * 2**20
"""A larger file is no description of a picture."""
_MAX_DEPTH = 100


def read_xml(path: Path) -> Element:
    """Read a file; names lose their namespace (``ps:numBands`` becomes ``numBands``).

    Raises:
        UnreadableError: It cannot be read, is too large or too deep, is no XML, or declares a document type
            (``unsafe-xml``): through one a file may name others, or grow without bound.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_XML_BYTES + 1)
    except OSError as error:
        raise UnreadableError(f"{path.name} cannot be read ({error.strerror})") from error
    if len(data) > MAX_XML_BYTES:
        raise UnreadableError(
            f"{path.name} is larger than {MAX_XML_BYTES // 2**20} MiB: is it the right file?"
        )
    builder, depth = TreeBuilder(), 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _MAX_DEPTH:
            raise UnreadableError(f"{path.name} is nested more than {_MAX_DEPTH} deep: is it the right file?")
        builder.start(_plain(name), {_plain(key): value for key, value in attributes.items()})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_plain(name))

    def refuse(name: str, *_: object) -> None:
        raise UnreadableError(
            f"{path.name} declares the document type or entity {name!r}: remove the declaration", "unsafe-xml"
        )

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise UnreadableError(f"{path.name} is no valid XML ({error}): fetch it again") from error
    return builder.close()


def text_of(root: Element, *names: str) -> str:
    """Text of the first element of one of these names, the first names first; empty without one."""
    for name in names:
        for element in root.iter(name):
            if element.text and element.text.strip():
                return element.text.strip()
    return ""


def _plain(name: str) -> str:
    return name.rpartition(":")[2]
