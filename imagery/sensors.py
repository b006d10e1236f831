"""What each known sensor measures, and what can be counted at a given ground sample distance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Regime = Literal["single", "track", "corridor", "none"]
"""``single``: wagons one by one; ``track``: occupied length of each track; ``corridor``: occupied metres
of a bundle of tracks; ``none``: nothing of a rail yard."""

SINGLE_MAX_M = 1.2
"""Coarsest GSD at which wagons are counted one by one: half of them are lost at 2 m."""
TRACK_MAX_M = 7.0
"""Coarsest GSD at which one track is told from its neighbour: tracks lie 4.5 to 5.5 m apart."""
CORRIDOR_MAX_M = 30.0
"""Coarsest GSD at which a bundle of tracks still fills a pixel."""

CLASS_BANDS = frozenset({"SCL"})
"""Bands whose values are class numbers: never scaled, never interpolated."""
PERCENT_BANDS = ("CLD", "MSK_CLDPRB")
"""Sentinel-2's own probability of cloud, always percent."""
OMNICLOUDMASK = "omnicloudmask"
"""The band that ``imagery.clouds`` adds: percent, 0 or 100."""
CLOUD_BANDS = (*PERCENT_BANDS, "cloud", "cloud_probability", OMNICLOUDMASK)
"""Names of bands that hold the probability of cloud: percent, or a share where they hold fractions."""


def nodata_of(bands: Iterable[str], nodata: float | None) -> float | None:
    """A stated nodata value as it is to be believed: a probability of cloud of 0 is clear sky."""
    return None if nodata == 0 and set(CLOUD_BANDS).issuperset(bands) else nodata


@dataclass(frozen=True)
class Band:
    """One band of a sensor."""

    name: str
    """As the provider calls it."""
    wavelength_nm: float | None
    """Centre wavelength, None for radar and class bands."""
    gsd_m: float
    """Finest ground sample distance at which it is delivered."""


@dataclass(frozen=True)
class Sensor:
    """What a sensor measures. Scale, offset and nodata are its product's rule, not a promise about a file."""

    id: str
    """Key into SENSORS."""
    title: str
    """In words."""
    bands: tuple[Band, ...]
    """Empty where it cannot be known."""
    orders: tuple[tuple[str, ...], ...] = ()
    """Band orders of its common files, used by band count where a file names none."""
    scale: float = 1.0
    """Physical value = stored value x scale + offset, as the provider defines it today."""
    offset: float = 0.0
    """See scale."""
    nodata: float | None = None
    """Stored value that means no data, where the product fixes one."""

    @property
    def gsd_m(self) -> float:
        """Finest ground sample distance in metres; 0 where it cannot be known."""
        return min((band.gsd_m for band in self.bands), default=0.0)

    def regime(self, gsd_m: float) -> Regime:
        """What can be counted in an image of this sensor.

        A file resampled to finer pixels shows no more than its sensor saw: the coarser of both counts.

        Args:
            gsd_m: Ground sample distance of the image in metres.
        """
        return regime(max(gsd_m, self.gsd_m))


def regime(gsd_m: float) -> Regime:
    """What can be counted at this ground sample distance (metres).

    Between 1.2 and 2 m single wagons are already lost too often to be counted: such images are read
    as occupied length, like those of 2 to 5 m. One percent is left for the scale of map projections.
    """
    gsd_m /= 1.01
    if gsd_m <= SINGLE_MAX_M:
        return "single"
    if gsd_m <= TRACK_MAX_M:
        return "track"
    return "corridor" if gsd_m <= CORRIDOR_MAX_M else "none"


_SENTINEL_2 = (
    Band("B01", 443, 60),
    Band("B02", 492, 10),
    Band("B03", 560, 10),
    Band("B04", 665, 10),
    Band("B05", 704, 20),
    Band("B06", 740, 20),
    Band("B07", 781, 20),
    Band("B08", 833, 10),
    Band("B8A", 865, 20),
    Band("B09", 944, 60),
    Band("B11", 1612, 20),
    Band("B12", 2194, 20),
    Band("SCL", None, 20),
)
_LANDSAT_NM = (443, 482, 561, 655, 865, 1609, 2201)
_RADAR = (Band("VV", None, 10), Band("VH", None, 10))
_RGB = ("red", "green", "blue")
_BGRN = ("blue", "green", "red", "nir")
_PLANET_8 = ("coastal_blue", "blue", "green_i", "green", "yellow", "red", "rededge", "nir")
_PLANET_NM = (443, 490, 531, 565, 610, 665, 705, 865)

# Centre wavelengths rounded from the providers' data sheets; bands as fine as pansharpened.
_FOUR_NM = {"blue": 485, "green": 555, "red": 660, "nir": 830}
_WORLDVIEW_NM = {
    "coastal_blue": 427, "blue": 478, "green": 546, "yellow": 608, "red": 659, "rededge": 724, "nir": 833,
    "nir2": 949, "pan": 632,
}  # fmt: skip
_NEO_NM = {"coastal_blue": 425, "blue": 485, "green": 560, "red": 655, "rededge": 725, "nir": 825, "pan": 625}


def _vhr(wavelengths_nm: dict[str, int], gsd_m: float) -> tuple[Band, ...]:
    return tuple(Band(name, nm, gsd_m) for name, nm in wavelengths_nm.items())


SENSORS = {
    sensor.id: sensor
    for sensor in (
        Sensor(
            "sentinel-2-l2a",
            "Sentinel-2 surface reflectance (L2A)",
            _SENTINEL_2,
            scale=1e-4,
            offset=-0.1,  # from processing baseline 04.00 on; the file or its STAC Item has the last word
            nodata=0,
        ),
        Sensor("sentinel-2", "Sentinel-2, processing level unknown", _SENTINEL_2),
        Sensor(
            "landsat",
            "Landsat 8 and 9",
            tuple(Band(f"B{i:02d}", nm, 30) for i, nm in enumerate(_LANDSAT_NM, start=1)),
            nodata=0,
        ),
        Sensor("sentinel-1-grd", "Sentinel-1 ground range backscatter", _RADAR, nodata=0),
        Sensor("sentinel-1-rtc", "Sentinel-1 terrain-corrected backscatter", _RADAR),
        Sensor("sentinel-1", "Sentinel-1, product unknown", _RADAR),
        Sensor(
            "planetscope",
            "PlanetScope",
            tuple(Band(name, nm, 3.0) for name, nm in zip(_PLANET_8, _PLANET_NM, strict=True)),
            orders=(_RGB, _BGRN, _PLANET_8),
            scale=1e-4,
            nodata=0,
        ),
        Sensor(
            "skysat",
            "SkySat",
            (Band("blue", 483, 0.5), Band("green", 555, 0.5), Band("red", 650, 0.5), Band("nir", 820, 0.5)),
            orders=(_RGB, _BGRN),
            nodata=0,
        ),
        *(
            Sensor(key, title, _vhr(nm, gsd), nodata=0)
            for key, title, nm, gsd in (
                ("worldview-1", "WorldView-1", {"pan": 650}, 0.5),
                ("worldview-2", "WorldView-2", _WORLDVIEW_NM, 0.46),
                ("worldview-3", "WorldView-3", _WORLDVIEW_NM, 0.31),
                ("worldview-4", "WorldView-4", _FOUR_NM | {"pan": 625}, 0.31),
                ("geoeye-1", "GeoEye-1", _FOUR_NM | {"pan": 625}, 0.41),
                ("quickbird-2", "QuickBird", _FOUR_NM | {"pan": 675}, 0.61),
                ("pleiades", "Pleiades 1", _FOUR_NM | {"pan": 655}, 0.5),
                ("pleiades-neo", "Pleiades Neo", _NEO_NM, 0.3),
                ("spot-6", "SPOT 6 and 7", _FOUR_NM | {"pan": 598}, 1.5),
            )
        ),
        Sensor("maxar", "Maxar, satellite unknown", (), nodata=0),
        Sensor("airbus", "Airbus, satellite unknown", (), nodata=0),
        Sensor("rgb", "Colour picture of unknown origin, aerial or satellite", (), orders=(_RGB,)),
        Sensor("unknown", "Unknown sensor", ()),
    )
}
"""Every sensor that a Scene can name."""
