"""OpenStreetMap through an Overpass server: railways, yards, berths and buildings of a small box."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import quote, urlsplit

from imagery.errors import InputError, UnreadableError
from imagery.sources.maps.osm import MapData, translate_map
from imagery.sources.network.secret import bare_href, redact
from imagery.sources.network.web import Web
from imagery.textfile import short

ENDPOINT = "https://overpass-api.de/api/interpreter"
"""The public server; its users share it, so one question is asked and no more."""
WIDEST_DEG = 0.5
"""Longest side of a box that is asked for."""
TIMEOUT_S = 90
"""How long the server may think."""
BUILDINGS_WITHIN_M = 150
"""Buildings further than this from every railway are not asked for."""

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""

_QUERY = """[out:json][timeout:{timeout}][maxsize:67108864][bbox:{s:.7f},{w:.7f},{n:.7f},{e:.7f}];
way["railway"~"^(rail|light_rail|narrow_gauge)$"]->.rails;
(.rails;
way["landuse"~"^(railway|harbour|port)$"];relation["landuse"~"^(railway|harbour|port)$"];
way["industrial"~"^(port|container_terminal|intermodal_freight_terminal)$"];
relation["industrial"~"^(port|container_terminal|intermodal_freight_terminal)$"];
way["man_made"~"^(pier|quay)$"];relation["man_made"~"^(pier|quay)$"];
nwr["seamark:type"="berth"];
way["building"](around.rails:{near});relation["building"](around.rails:{near}););
out meta geom;"""


def parse_box(text: str) -> Box:
    """West, south, east and north from ``W,S,E,N``.

    Raises:
        InputError: Not four numbers in that order on the globe, or wider than one question may be.
    """
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(
            f"--bbox {short(text)}: write W,S,E,N in degrees, such as 7.6,47.52,7.64,47.55"
        ) from error
    if not all(map(math.isfinite, (west, south, east, north))):
        raise InputError(f"--bbox {short(text)}: degrees are finite numbers")
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise InputError(
            f"--bbox {text}: west before east, south before north, on the globe, not over the date line"
        )
    if max(east - west, north - south) > WIDEST_DEG:
        raise InputError(f"--bbox {text}: at most {WIDEST_DEG} degrees a side: draw it around the yard")
    return west, south, east, north


def map_of(box: Box, web: Web, endpoint: str = ENDPOINT) -> MapData:
    """What OpenStreetMap shows in a box.

    Args:
        box: As parse_box gives it.
        web: How it is asked, with patience for a busy server.
        endpoint: Address of an Overpass interpreter, http or https.

    Returns:
        Features of the box, and how many elements could not be used, by reason.

    Raises:
        InputError: The endpoint is no such address.
        UnreadableError: The server refuses, stays busy, gives up half way, or answers no map.
    """
    _check_endpoint(endpoint)
    west, south, east, north = box
    query = _QUERY.format(timeout=TIMEOUT_S, near=BUILDINGS_WITHIN_M, w=west, s=south, e=east, n=north)
    answer: Any = web.json(f"{endpoint}?data={quote(query, safe='')}")
    where = bare_href(endpoint)
    if not isinstance(answer, dict) or not isinstance(answer.get("elements"), list):
        raise UnreadableError(f"{where} answers {short(answer)}: is it an Overpass interpreter?", "http")
    if "error" in (told := str(answer.get("remark", ""))).lower():
        # Sent with status 200 and what was found until then: a part is never taken for the whole.
        raise UnreadableError(f"{where} gave up: {redact(told[:200])}; choose a smaller --bbox", "busy")
    return translate_map(answer["elements"], box)


def _check_endpoint(endpoint: str) -> None:
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable or "@" in parts.netloc or parts.query or parts.fragment:
        raise InputError(
            f"--endpoint {redact(short(endpoint))}: give http(s)://server/path, no user, no query"
        )
