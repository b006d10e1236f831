"""Spoilt documents: values replaced, bytes flipped, cut, doubled, and what has broken readers before."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

TOKENS = (
    b"null",
    b"true",
    b"-1",
    b"1e999",
    b"NaN",
    b"Infinity",
    b"-0",
    b"1" * 400,
    b"9223372036854775808",
    b'""',
    b"[]",
    b"{}",
    b"[" * 600,
    b'{"a":' * 600,
    b"../../etc/passwd",
    b"/etc/passwd",
    b"file:///etc/passwd",
    b"/vsicurl/http://127.0.0.1/x",
    b"http://127.0.0.1:9/x",
    b"=cmd|' /C calc'!A0",
    b"\x00",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b'"\\ud800"',
    "\u202e".encode(),
    b"&a [*a]",
    b"!!python/object/apply:os.system [id]",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b"2023-02-30",
    b"0000-00-00T00:00:00Z",
    b"99999-01-01",
    b"2" * 5000,
)
"""What has broken readers before: put in where a mutation asks for one."""

Edit = tuple[int, int, int]
"""Where, what kind, and how much of it."""


VALUES: tuple[object, ...] = (
    None,
    True,
    -1,
    0,
    1e308,
    float("nan"),
    float("inf"),
    10**400,
    "",
    "x" * 5000,
    [],
    {},
    [[[]]],
    [None] * 50,
    "../../etc/passwd",
    "/etc/passwd",
    "file:///etc/passwd",
    "/vsicurl/http://127.0.0.1/x",
    "\ud800",
    "\x00",
    "=1+1",
    {"type": "Polygon"},
    {"type": "GeometryCollection", "geometries": []},
    [181, 91],
    "2023-02-30",
    {"": {}},
)
"""What a node of a JSON document is put in place of."""


def mutated(seed: bytes, edits: Sequence[Edit]) -> bytes:
    """A seed with values of a document replaced, or bytes flipped, cut out, doubled, or a token put in."""
    document = plain(seed) if edits[0][1] % 2 else None
    if not isinstance(document, dict | list):
        return _spoilt(seed, edits)
    nodes = _nodes(document)
    for at, _, much in edits if nodes else ():
        holder, key = nodes[at % len(nodes)]
        if isinstance(holder, list) and key >= len(holder):
            continue  # an edit before this one took it away
        if much % 9 == 0:
            holder.pop(key, None) if isinstance(holder, dict) else holder.pop(key)
        else:
            holder[key] = deepcopy(VALUES[much % len(VALUES)])
    return json.dumps(document).encode()


def plain(data: bytes) -> Any:
    """A JSON document, None where it is none."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _nodes(document: Any) -> list[tuple[Any, Any]]:
    """Each value of a document as its holder and its key there."""
    found: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting:
        holder = waiting.pop()
        for key, value in holder.items() if isinstance(holder, dict) else enumerate(holder):
            found.append((holder, key))
            if isinstance(value, dict | list):
                waiting.append(value)
    return found


def _spoilt(seed: bytes, edits: Sequence[Edit]) -> bytes:
    data = bytearray(seed)
    for at, kind, much in edits:
        place = at % (len(data) + 1)
        length = 1 + much % 40
        match kind % 6:
            case 0 if place < len(data):
                data[place] ^= 1 << much % 8
            case 1:
                del data[place : place + length]
            case 2:
                data[place:place] = data[place : place + length]
            case 3:
                data[place : place + much % 12] = TOKENS[much % len(TOKENS)]
            case 4 if much % 16 == 0:
                del data[place:]
            case _ if place < len(data):
                data[place] = much % 256
    return bytes(data)
