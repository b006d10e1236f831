"""Airbus deliveries (Pleiades, Pleiades Neo, SPOT 6, 7): ``DIM_*.XML`` (DIMAP 2) beside ``IMG_*`` tiles."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from imagery.errors import UnreadableError
from imagery.sources.deliveries.delivery import Beside, Delivery, Facts, Picture, angle, moment
from imagery.sources.deliveries.xmlfile import read_xml, text_of
from imagery.sources.folders.stac_words import number
from imagery.sources.folders.walk import Found

_BANDS = {
    "P": "pan", "B0": "blue", "B1": "green", "B2": "red", "B3": "nir",
    "DB": "coastal_blue", "B": "blue", "G": "green", "R": "red", "RE": "rededge", "NIR": "nir", "N": "nir",
}  # fmt: skip
_SENSORS = (("PNEO", "pleiades-neo"), ("PHR", "pleiades"), ("PLEIADES", "pleiades"), ("SPOT", "spot-6"))


def airbus_files(found: Found, beside: Beside) -> list[Found] | None:
    """Images that a file may describe, by name; None where it is no description."""
    name = found.path.name.upper()
    if not (name.startswith("DIM_") and name.endswith(".XML")):
        return None
    stem = found.path.stem[4:]
    return [
        image
        for kind in ("IMG_", "PREVIEW_", "ICON_")
        for image in beside.images(found.path.parent, kind + stem)
    ]


def read_airbus(found: Found, beside: Beside) -> Delivery | None:
    """Read a description; None where it is none of this provider's. Each tile is a scene of its own.

    Raises:
        UnreadableError: It is damaged, says what cannot be, or names images that are not here.
    """
    tree = read_xml(found.path)
    if tree.tag != "Dimap_Document":
        return None
    bands = _bands(found, tree)
    scaling, values = _radiance(found, tree, bands)
    pictures = []
    for file in tree.iter("Data_File"):
        for path in file.iter("DATA_FILE_PATH"):
            image = beside.named(found, path.get("href", ""))
            tile: dict[str, Any] = {}
            if file.get("tile_R") and file.get("tile_C"):
                tile = {"tile": f"R{file.get('tile_R')}C{file.get('tile_C')}"}
            if image:
                names = tuple(_BANDS.get(band, band.lower()) for band in bands)
                pictures.append(Picture(image, names, scaling, properties={"values": values, **tile}))
    if not pictures:
        raise UnreadableError(
            f"{found.path.name}: none of the images that it names was found: give the folder that holds them",
            "assets-missing",
        )
    by_name = (image.path for image in airbus_files(found, beside) or ())
    claims = frozenset((*(picture.found.path for picture in pictures), *by_name))
    return Delivery(found.path, _facts(found, tree), tuple(pictures), claims)


def _bands(found: Found, tree: Element) -> tuple[str, ...]:
    """Names in file order, as the provider calls them.

    Raises:
        UnreadableError: Their number is not that of the raster, or two have one place.
    """
    order = {
        number(text_of(entry, "BAND_INDEX")): text_of(entry, "BAND_ID") for entry in tree.iter("Raster_Index")
    }
    stated = number(text_of(tree, "NBANDS"))
    if sorted(order, key=lambda at: at or 0) != [float(i) for i in range(1, len(order) + 1)] or (
        order and stated is not None and stated != len(order)
    ):
        raise UnreadableError(
            f"{found.path.name}: {text_of(tree, 'NBANDS') or 'unknown'} bands, but the places {order}",
            "band-mismatch",
        )
    return tuple(order[float(i)] for i in range(1, len(order) + 1))


def _facts(found: Found, tree: Element) -> Facts:
    where = found.path
    centre = next(
        (v for v in tree.iter("Located_Geometric_Values") if text_of(v, "LOCATION_TYPE").lower() == "center"),
        tree,
    )
    mission = f"{text_of(tree, 'MISSION')} {text_of(tree, 'MISSION_INDEX')}".strip()
    day, clock = text_of(tree, "IMAGING_DATE"), text_of(tree, "IMAGING_TIME")
    taken = text_of(centre, "TIME") or (f"{day}T{clock}" if clock else day)
    view = angle(text_of(centre, "VIEWING_ANGLE"), where, -90, 90)
    return Facts(
        sensor=next((key for word, key in _SENSORS if mission.upper().startswith(word)), "airbus"),
        taken_at=moment(taken, where),
        sun_azimuth_deg=angle(text_of(centre, "SUN_AZIMUTH"), where, -180, 360),
        sun_elevation_deg=angle(text_of(centre, "SUN_ELEVATION"), where, -90, 90),
        off_nadir_deg=None if view is None else abs(view),
        properties={
            "platform": mission,
            "delivery": " ".join(
                filter(None, (text_of(tree, n) for n in ("PROCESSING_LEVEL", "SPECTRAL_PROCESSING")))
            ),
            "eo:cloud_cover": number(text_of(tree, "CLOUD_COVERAGE")),
            "incidence_deg": angle(text_of(centre, "INCIDENCE_ANGLE"), where, -90, 90),
            "licence": text_of(tree, "COPYRIGHT") or "commercial: Airbus's licence of the order",
        },
    )


def _radiance(
    found: Found, tree: Element, bands: tuple[str, ...]
) -> tuple[tuple[tuple[float, float], ...], str]:
    """Scale and offset of each band to radiance or reflectance (stored value / GAIN + BIAS), and the unit.

    Raises:
        UnreadableError: A gain is no positive number, or a bias none at all.
    """
    processing = text_of(tree, "RADIOMETRIC_PROCESSING").upper()
    if processing in {"DISPLAY", "LINEAR_STRETCH", "SEAMLESS"}:
        return (), processing.lower().replace("_", " ")
    reflectance = processing == "REFLECTANCE"
    found_by: dict[str, tuple[float, float]] = {}
    for band in tree.iter("Band_Reflectance" if reflectance else "Band_Radiance"):
        texts = text_of(band, "GAIN"), text_of(band, "BIAS") or "0"
        gain, bias = map(number, texts)
        if gain is None or bias is None or gain <= 0:
            raise UnreadableError(
                f"{found.path.name}: band {text_of(band, 'BAND_ID')[:20]} has gain and bias {texts}: a "
                "positive number and a number are expected",
                "bad-item",
            )
        found_by[text_of(band, "BAND_ID")] = (1 / gain, bias)
    if not bands or not set(bands) <= set(found_by):
        return (), "digital numbers"
    return tuple(
        found_by[band] for band in bands
    ), "reflectance" if reflectance else "radiance, W m-2 sr-1 um-1"
