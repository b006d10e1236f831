"""The coarse optical sensors that are painted: bands, pixels, point spread, and how they err."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from imagery.synthetic.coarse import GSD_M, SPREAD_M
from imagery.synthetic.spectra import BANDS


@dataclass(frozen=True)
class Eye:
    """One sensor. Errors are standard deviations."""

    sensor: str
    """Key into imagery.sensors.SENSORS."""
    bands: tuple[str, ...]
    """As the provider calls them."""
    stands_for: tuple[int, ...]
    """Index into spectra.BANDS of each."""
    pixel_m: tuple[float, ...]
    """Pixel of each band as it is sensed."""
    spread_m: tuple[float, ...]
    """Standard deviation of each band's blur, without the pixel's own box."""
    gsd_m: float
    """Pixel that all bands are delivered on; coarser ones are interpolated bilinearly."""
    cell_m: float
    """Cells of the ground that it needs."""
    shift_m: float
    """Registration of a date, east and north."""
    most_shift_m: float
    """No date lies farther off, east or north."""
    band_shift_m: float
    """Registration of a band against its date."""
    gain: float
    """Radiometry of a date, all bands, as a share."""
    band_gain: float
    """Radiometry of a band of a date, as a share."""
    floor: float
    """Noise of a dark pixel, in reflectance."""
    shot: float
    """Noise as a share of the signal."""

    def only(self, bands: Sequence[str]) -> Eye:
        """The same sensor with some of its bands."""
        kept = [self.bands.index(band) for band in bands]
        return replace(
            self,
            bands=tuple(bands),
            stands_for=tuple(self.stands_for[k] for k in kept),
            pixel_m=tuple(self.pixel_m[k] for k in kept),
            spread_m=tuple(self.spread_m[k] for k in kept),
        )


SENTINEL_2 = Eye(
    sensor="sentinel-2-l2a",
    bands=BANDS,
    stands_for=tuple(range(len(BANDS))),
    pixel_m=tuple(GSD_M[band] for band in BANDS),
    spread_m=tuple(SPREAD_M[band] for band in BANDS),
    gsd_m=10.0,
    cell_m=2.0,
    shift_m=2.2,
    most_shift_m=8.0,
    band_shift_m=0.6,
    gain=0.035,
    band_gain=0.012,
    floor=0.0008,
    shot=0.005,
)
PLANETSCOPE = Eye(
    sensor="planetscope",
    bands=("blue", "green", "red", "nir"),
    stands_for=(0, 1, 2, 7),
    pixel_m=(3.0,) * 4,
    spread_m=(1.6, 1.7, 1.9, 2.2),
    gsd_m=3.0,
    cell_m=1.0,
    shift_m=1.5,
    most_shift_m=3.0,
    band_shift_m=0.4,
    gain=0.05,
    band_gain=0.03,
    floor=0.002,
    shot=0.012,
)
EYES: Mapping[str, Eye] = MappingProxyType({"sentinel-2": SENTINEL_2, "planetscope": PLANETSCOPE})
"""By the name under which visits are asked for."""
