"""Maxar (DigitalGlobe) deliveries: ``*.IMD`` or ``*.XML`` beside ``*-M2AS*.TIF`` and its tiles R1C1, R1C2.

Keys and band groups are those of the provider's image metadata (ISD). Each tile is a scene of its own: the
tile index (.TIL) is not needed, and tiles are not joined.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from imagery.errors import InputError, UnreadableError
from imagery.sources.deliveries.delivery import Beside, Delivery, Facts, Picture, angle, moment
from imagery.sources.deliveries.xmlfile import read_xml
from imagery.sources.folders.stac_words import number
from imagery.sources.folders.walk import Found
from imagery.textfile import read_text

MAX_IMD_BYTES = 4 * 2**20
_STEM = re.compile(r"(?P<head>.+-[A-Z0-9]*[MPS][0-9A-Z]{3})(?P<tile>_R\d+C\d+)?(?P<tail>-.+)?", re.IGNORECASE)
_BANDS = {
    "P": "pan", "C": "coastal_blue", "B": "blue", "G": "green", "Y": "yellow", "R": "red",
    "RE": "rededge", "N": "nir", "N2": "nir2",
}  # fmt: skip
_SENSORS = {
    "WV01": "worldview-1", "WV02": "worldview-2", "WV03": "worldview-3", "WV04": "worldview-4",
    "GE01": "geoeye-1", "QB02": "quickbird-2",
}  # fmt: skip
_LINE = re.compile(r"\s*(\w+)\s*=\s*(.*?)\s*;?\s*")


@dataclass(frozen=True)
class _Isd:
    """What an IMD or its XML form says: upper-case keys."""

    values: Mapping[str, str]
    """Every value outside the groups of bands; the first of a key."""
    bands: Mapping[str, Mapping[str, str]]
    """Values of each group BAND_x, in file order."""


def maxar_files(found: Found, beside: Beside) -> list[Found] | None:
    """Images that a file may describe, by name; None where it is no description or there are none."""
    match = _STEM.fullmatch(found.path.stem)
    if match is None or found.path.suffix.lower() not in {".imd", ".xml"}:
        return None
    beginning = beside.images(found.path.parent, match["head"])
    tiles = [tile for tile in beginning if _same(tile, match)]
    return tiles + beside.images(found.path.parent, f"{found.path.stem}-BROWSE") if tiles else None


def read_maxar(found: Found, beside: Beside) -> Delivery | None:
    """Read a description that has images by maxar_files; None where it is none of this provider's.

    Raises:
        UnreadableError: It is damaged, or says what cannot be.
    """
    isd = _imd(found) if found.path.suffix.lower() == ".imd" else _xml(found)
    if isd is None:
        return None
    files = maxar_files(found, beside) or []
    tiles = [file for file in files if not file.path.stem.endswith("-BROWSE")]
    bands = tuple(_BANDS.get(name, name.lower()) for name in isd.bands)
    scaling, values = _radiance(found, isd)
    pictures = []
    for tile in tiles:
        number_ = re.search(r"_(R\d+C\d+)", tile.path.stem, re.IGNORECASE)
        own = {"tile": number_[1].upper()} if number_ else {}
        pictures.append(Picture(tile, bands, scaling, properties={"values": values, **own}))
    claims = frozenset(file.path for file in files)
    return Delivery(found.path, _facts(found, isd), tuple(pictures), claims)


def _same(tile: Found, described: re.Match[str]) -> bool:
    """Whether a file is the delivery's image, or a tile of it."""
    match = _STEM.fullmatch(tile.path.stem)
    return match is not None and (match["head"], match["tail"]) == (described["head"], described["tail"])


def _imd(found: Found) -> _Isd | None:
    """Lines ``key = value;`` in groups; what is no such line is passed over."""
    try:
        text = read_text(found.path, MAX_IMD_BYTES)
    except InputError as error:
        raise UnreadableError(str(error)) from error
    values: dict[str, str] = {}
    bands: dict[str, dict[str, str]] = {}
    group = ""
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        key, value = match[1].upper(), match[2].strip('"')
        if key == "BEGIN_GROUP":
            group = value.upper()
            if group.startswith("BAND_"):
                bands.setdefault(group.removeprefix("BAND_"), {})
        elif key == "END_GROUP":
            group = ""
        elif group.startswith("BAND_"):
            bands[group.removeprefix("BAND_")].setdefault(key, value)
        else:
            values.setdefault(key, value)
    return _Isd(values, bands) if bands or "SATID" in values else None


def _xml(found: Found) -> _Isd | None:
    tree = read_xml(found.path)
    if tree.tag.lower() != "isd":
        return None
    values: dict[str, str] = {}
    bands: dict[str, dict[str, str]] = {}
    root = tree.find("IMD")
    for element in tree if root is None else root.iter():
        if element.tag.startswith("BAND_"):
            bands[element.tag.removeprefix("BAND_")] = {
                child.tag.upper(): (child.text or "").strip() for child in element
            }
        elif not len(element):
            values.setdefault(element.tag.upper(), (element.text or "").strip())
    return _Isd(values, bands)


def _facts(found: Found, isd: _Isd) -> Facts:
    said, where = isd.values, found.path
    cover = number(said.get("CLOUDCOVER"))
    off_nadir = angle(said.get("MEANOFFNADIRVIEWANGLE", said.get("OFFNADIRVIEWANGLE")), where, -90, 90)
    return Facts(
        sensor=_SENSORS.get(said.get("SATID", ""), "maxar"),
        taken_at=moment(said.get("FIRSTLINETIME", said.get("EARLIESTACQTIME")), where),
        sun_azimuth_deg=angle(said.get("MEANSUNAZ", said.get("SUNAZ")), where, -180, 360),
        sun_elevation_deg=angle(said.get("MEANSUNEL", said.get("SUNEL")), where, -90, 90),
        off_nadir_deg=None if off_nadir is None else abs(off_nadir),
        properties={
            "platform": said.get("SATID", ""),
            "delivery": " ".join(filter(None, (said.get("PRODUCTLEVEL"), said.get("BANDID")))),
            "pansharpened": _pansharpened(isd),
            # The provider writes -999 where nobody looked.
            "eo:cloud_cover": 100 * cover if cover is not None and 0 <= cover <= 1 else None,
            "licence": said.get("LICENSETXT") or "commercial: Maxar's licence of the order",
        },
    )


def _pansharpened(isd: _Isd) -> bool:
    return isd.values.get("PANSHARPENALGORITHM", "None").lower() != "none"


def _radiance(found: Found, isd: _Isd) -> tuple[tuple[tuple[float, float], ...], str]:
    """Factors to radiance, and what the values are. Stretched and pansharpened values are no radiance.

    Raises:
        UnreadableError: A factor is no positive number.
    """
    bits, stretched = (
        isd.values.get("BITSPERPIXEL"),
        isd.values.get("DRA", "OFF").upper() not in {"OFF", "FALSE"},
    )
    if _pansharpened(isd) or stretched or bits == "8":
        return (), "digital numbers"
    scaling = []
    for name, band in isd.bands.items():
        text = band.get("ABSCALFACTOR"), band.get("EFFECTIVEBANDWIDTH")
        if None in text:
            return (), "digital numbers"
        factor, width = map(number, text)
        if factor is None or width is None or factor <= 0 or width <= 0:
            raise UnreadableError(
                f"{found.path.name}: band {name} has calibration factor and bandwidth {text}: positive "
                "numbers are expected",
                "bad-item",
            )
        scaling.append((factor / width, 0.0))
    return tuple(scaling), "radiance, W m-2 sr-1 um-1" if scaling else "digital numbers"
