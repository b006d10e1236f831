"""PlanetScope and SkySat deliveries: images beside ``*_metadata.json`` or ``.xml``, with their masks.

Names, fields and values are those of Planet's product specification. Of the products of one acquisition one
is read: surface reflectance before radiance, eight bands before four, pictures for looking at last.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from imagery.errors import InputError, UnreadableError
from imagery.scenes import Asset
from imagery.sources.deliveries.delivery import Delivery, Facts, Picture, angle, moment
from imagery.sources.deliveries.xmlfile import read_xml, text_of
from imagery.sources.folders.names import read_name
from imagery.sources.folders.stac_words import number
from imagery.sources.folders.walk import IMAGES, Found
from imagery.textfile import read_text

MAX_JSON_BYTES = 2**20
_REFLECTANCE = 1e-4
_NAME = re.compile(
    r"(?P<key>.+?)(?:_(?P<level>\d[AB]))?(?:_ortho)?"
    r"(?:_(?P<product>AnalyticMS|analytic|pansharpened|panchromatic|visual))?(?P<sr>_SR)?(?P<eight>_8b)?"
    r"(?:_DN)?(?:_(?P<role>udm2|udm|metadata))?(?:_harmonized)?(?:_file_format)?(?:_clip)?",
    re.IGNORECASE,
)
_BGRN = ("blue", "green", "red", "nir")
_EIGHT = ("coastal_blue", "blue", "green_i", "green", "yellow", "red", "rededge", "nir")
_BANDS = {
    "analyticms": _BGRN,
    "analytic": _BGRN,
    "pansharpened": _BGRN,
    "visual": ("red", "green", "blue"),
    "panchromatic": ("pan",),
}
_BEST = ("pansharpened", "analyticms", "analytic", "visual", "panchromatic")


@dataclass(frozen=True)
class _Part:
    """One file of an acquisition, by its name."""

    found: Found
    key: str
    level: str
    product: str
    three: bool
    reflectance: bool
    eight: bool
    role: str

    @property
    def bands(self) -> tuple[str, ...]:
        if self.three:
            return _BANDS["visual"]
        return _EIGHT if self.eight else _BANDS[self.product]

    @property
    def rank(self) -> tuple[bool, int, bool, bool, str]:
        """The best product sorts first: those of level 1 have no map position."""
        raw = self.level.startswith("1")
        return raw, _BEST.index(self.product), not self.reflectance, not self.eight, self.found.path.name

    def is_of(self, image: _Part) -> bool:
        """Whether a description speaks of this very image."""
        return self._product == image._product

    @property
    def _product(self) -> tuple[str, str, bool, bool]:
        return self.level, self.product, self.reflectance, self.eight


def is_planet_mask(path: Path) -> bool:
    """Whether a file is a usable data mask by its name: never a scene of its own."""
    return path.suffix.lower() in IMAGES and bool(re.search(r"_udm2?(?:_clip)?$", path.stem, re.IGNORECASE))


def planet_groups(files: Iterable[Found]) -> list[list[Found]]:
    """Files of one acquisition together, where one of them is a description or a mask."""
    groups: dict[tuple[Path, str], list[_Part]] = {}
    for file in files:
        part = _part(file)
        if part:
            groups.setdefault((file.path.parent, part.key), []).append(part)
    described = [parts for _, parts in sorted(groups.items()) if any(part.role for part in parts)]
    # The description first, a mask where there is none.
    order = ("metadata", "udm2", "udm", "")
    return [[p.found for p in sorted(parts, key=lambda p: order.index(p.role))] for parts in described]


def read_planet(files: list[Found]) -> Delivery | None:
    """Read one acquisition; None where nothing describes it, or no image is there.

    Args:
        files: As one entry of planet_groups.

    Raises:
        UnreadableError: Its description is damaged or says what cannot be.
    """
    parts = [part for part in map(_part, files) if part]
    images = sorted((part for part in parts if not part.role and part.product), key=lambda part: part.rank)
    if not images:
        return None
    best = images[0]
    body = next(filter(None, (_json(p.found.path) for p in parts if p.role == "metadata")), {})
    tree = _xml(parts, best)
    if not body and tree is None and not any(part.role.startswith("udm") for part in parts):
        return None
    return Delivery(
        files[0].path,
        _facts(body, tree, best, files[0].path),
        (_picture(best, tree, parts, [part.found.path.name for part in images[1:]]),),
        frozenset(part.found.path for part in parts if part.role or part.product),
    )


def _part(found: Found) -> _Part | None:
    suffix = found.path.suffix.lower()
    match = _NAME.fullmatch(found.path.stem)
    if match is None or suffix not in {*IMAGES, ".json", ".xml"}:
        return None
    product, role = (match["product"] or "").lower(), (match["role"] or "").lower()
    if not (product or role) or (suffix in IMAGES) == (role == "metadata"):
        return None
    # PlanetScope's older product of three colours; SkySat writes its four bands in small letters.
    three = match["product"] == "Analytic" and not match["key"].upper().endswith("BGRN")
    level = (match["level"] or "").upper()
    return _Part(found, match["key"], level, product, three, bool(match["sr"]), bool(match["eight"]), role)


def _json(path: Path) -> Mapping[str, Any]:
    """Properties of an item as Planet's API gives it; empty for everything else.

    Raises:
        UnreadableError: It is no JSON.
    """
    if path.suffix.lower() != ".json":
        return {}
    try:
        body = json.loads(read_text(path, MAX_JSON_BYTES))
    except (InputError, ValueError, RecursionError) as error:
        raise UnreadableError(f"{path.name} is no valid JSON ({error}): fetch it again") from error
    found = body.get("properties") if isinstance(body, dict) else None
    return found if isinstance(found, dict) and "acquired" in found else {}


def _xml(parts: list[_Part], image: _Part) -> Element | None:
    """The XML description of this very product."""
    for part in parts:
        if part.role == "metadata" and part.found.path.suffix.lower() == ".xml" and part.is_of(image):
            tree = read_xml(part.found.path)
            if tree.tag == "EarthObservation":
                return tree
    return None


def _facts(body: Mapping[str, Any], tree: Element | None, image: _Part, where: Path) -> Facts:
    def said(key: str, *names: str) -> Any:
        value = body.get(key)
        return text_of(tree, *names) if value is None and tree is not None else value

    view = angle(said("view_angle", "spaceCraftViewAngle", "incidenceAngle"), where, -90, 90)
    cover = body.get("cloud_cover")  # a share in JSON, percent in XML
    percent = number(text_of(tree, "cloudCoverPercentage")) if tree is not None else None
    words = [body.get(key, "") for key in ("item_type", "provider", "instrument", "satellite_id")]
    words += [] if tree is None else [text_of(tree, "shortName")]
    return Facts(
        sensor=_sensor(" ".join(map(str, words)), image),
        taken_at=moment(said("acquired", "acquisitionDate", "acquisitionDateTime", "beginPosition"), where),
        sun_azimuth_deg=angle(said("sun_azimuth", "illuminationAzimuthAngle"), where, -180, 360),
        sun_elevation_deg=angle(said("sun_elevation", "illuminationElevationAngle"), where, -90, 90),
        off_nadir_deg=None if view is None else abs(view),
        properties={
            "platform": str(said("satellite_id", "serialIdentifier") or ""),
            "instrument": str(body.get("instrument") or ""),
            "eo:cloud_cover": 100 * share if (share := number(cover)) is not None else percent,
            "gsd": number(body.get("gsd")),
            "pixel_resolution": number(body.get("pixel_resolution")),
            "licence": "commercial: Planet's licence of the order",
        },
    )


def _sensor(words: str, image: _Part) -> str:
    text = words.lower()
    if "skysat" in text or re.search(r"\bssc\d", text):
        return "skysat"
    if "psscene" in text or "planetscope" in text or re.search(r"\bps[2b]", text):
        return "planetscope"
    named = read_name(image.found.path.stem).sensor
    sky = image.product in {"pansharpened", "panchromatic"} or named == "skysat"
    return "skysat" if sky else "planetscope"


def _picture(image: _Part, tree: Element | None, parts: list[_Part], others: list[str]) -> Picture:
    scaling: tuple[tuple[float, float], ...] = ()
    values = "colours" if image.product == "visual" else "digital numbers"
    if image.reflectance:
        scaling, values = ((_REFLECTANCE, 0.0),) * len(image.bands), "surface reflectance"
    elif tree is not None and image.product != "visual":
        _check_count(tree, image)
        factors = _coefficients(tree, image)
        if factors:
            scaling, values = tuple((factor, 0.0) for factor in factors), "top-of-atmosphere reflectance"
    properties: dict[str, Any] = {
        "delivery": image.found.path.stem.removeprefix(f"{image.key}_"),
        "values": values,
    }
    if others:
        properties["same_acquisition"] = ", ".join(others)
    return Picture(image.found, image.bands, scaling, _mask(parts, image), properties)


def _check_count(tree: Element, image: _Part) -> None:
    stated = number(text_of(tree, "numBands"))
    if stated is not None and stated != len(image.bands):
        raise UnreadableError(
            f"{image.found.path.name}: its name says {len(image.bands)} bands, its description {stated:g}: "
            "fetch the delivery again",
            "band-mismatch",
        )


def _coefficients(tree: Element, image: _Part) -> list[float]:
    """Factor from stored value to reflectance for each band; empty where the description has none.

    Raises:
        UnreadableError: It has them for other bands than the image's, or one is no positive number.
    """
    found: dict[float | None, float | None] = {}
    for band in tree.iter("bandSpecificMetadata"):
        text = text_of(band, "reflectanceCoefficient")
        if text:
            found[number(text_of(band, "bandNumber"))] = number(text)
    wanted = [found.get(float(i)) for i in range(1, len(image.bands) + 1)]
    if not found:
        return []
    factors = [factor for factor in wanted if factor is not None and factor > 0]
    if len(factors) != len(found) or len(factors) != len(image.bands):
        raise UnreadableError(
            f"{image.found.path.name}: {len(image.bands)} bands, but reflectance coefficients {found}",
            "band-mismatch",
        )
    return factors


def _mask(parts: list[_Part], image: _Part) -> Asset | None:
    """The mask delivered with an image: udm2 before the older form, that of the same product first."""
    masks = [
        part
        for part in parts
        if part.role.startswith("udm") and part.product in {"", image.product} and part.level == image.level
    ]
    if not masks:
        return None
    chosen = min(masks, key=lambda part: (part.role != "udm2", part.product == "", part.found.path.name))
    return Asset(chosen.found.path, ("SCL",), stored_as=chosen.role)
