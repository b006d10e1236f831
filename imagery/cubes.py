"""Cubes of (time, y, x) a band, as openEO and xarray write them to NetCDF and Zarr; read step by step."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS
from pyproj.exceptions import CRSError

from imagery.errors import InputError, UnreadableError
from imagery.grid import local_grid
from imagery.scenes import Asset
from imagery.sensors import nodata_of
from imagery.sources.folders.cube_guard import check_chunk, engine_of
from imagery.sources.folders.names import tidy_band
from imagery.tiles import ROI

if TYPE_CHECKING:
    import xarray as xr

MAX_STEPS = 100_000
"""Most time steps of one cube."""

_TIMES = ("time", "timestamp", "t")
_ROWS = ("y", "lat", "latitude", "northing")
_COLS = ("x", "lon", "longitude", "easting")
_BANDS = ("band", "bands")


@dataclass(frozen=True)
class CubeBand:
    """One band of a cube."""

    name: str
    """As the cube calls it."""
    variable: str
    """Variable that holds it."""
    index: int | None
    """Place along the variable's band dimension, None where it has none."""
    scale: float
    """Physical value = stored value x scale + offset."""
    offset: float
    """See scale."""
    nodata: float | None
    """Stored value that means no data."""
    dtype: str
    """Type of a stored value."""


@dataclass(frozen=True, eq=False)
class Cube:
    """What a cube says of itself."""

    path: Path
    """File or Zarr store."""
    shape: tuple[int, int]
    """(rows, cols)."""
    grid: GeoBox | None
    """Where it lies, north up; None without a usable map position."""
    times: tuple[datetime, ...] | None
    """UTC, one a step; None where it has no time dimension."""
    bands: tuple[CubeBand, ...]
    """Its bands, by name of their variables."""
    angles: Mapping[str, NDArray[np.float64]]
    """``sun_azimuth``, ``sun_zenith``, ``view_zenith`` in degrees, (steps,), NaN where not known."""


def read_cube(path: Path) -> Cube:
    """Read what a cube says of itself.

    Raises:
        UnreadableError: Damaged, unsafe, or without (y, x) variables.
    """
    return _open(path)[1]


def _open(path: Path) -> tuple[xr.Dataset, Cube]:
    """The opened cube and what it says.

    Opening takes a tenth of a second and a cube has many steps: a few stay open, in each process its own.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise UnreadableError(f"{path.name}: cannot be opened ({error.strerror})") from error
    return _kept_open(path, os.getpid(), state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=8)
def _kept_open(path: Path, pid: int, changed_ns: int, size: int) -> tuple[xr.Dataset, Cube]:
    data = _dataset(path)
    time, y, x = (_dimension(data, names) for names in (_TIMES, _ROWS, _COLS))
    bands = () if y is None or x is None else tuple(_bands(path, data, time, y, x))
    if not bands:
        raise UnreadableError(
            f"{path.name} holds no numbers over (time, y, x); it has {', '.join(map(str, data.sizes))}",
            "not-an-image",
        )
    return data, Cube(
        path,
        (data.sizes[y], data.sizes[x]),
        _grid(data, bands[0].variable, y, x),
        None if time is None else _times(path, data, time),
        bands,
        _angles(data, time),
    )


class CubeLayer:
    """One step of an opened cube, read on its own grid."""

    def __init__(self, asset: Asset, gsd_m: float | None) -> None:
        self._data, cube = _open(asset.path)
        self.asset = asset
        self.bands = asset.bands
        self._bands = {band.name: band for band in cube.bands}
        missing = [name for name in asset.bands if name not in self._bands]
        if missing:
            raise InputError(f"{asset.path.name} has no band {', '.join(missing)}")
        if cube.grid is None and gsd_m is None:
            raise UnreadableError(no_gsd(asset.path), "no-gsd")
        self.grid = cube.grid if cube.grid is not None else local_grid(*cube.shape, gsd_m or 1.0)
        self.dtype = np.result_type(*(self._bands[name].dtype for name in asset.bands))
        self.mask = "none" if asset.nodata is None else f"nodata {asset.nodata:g}"

    def read(self, roi: ROI, bands: Sequence[str], into: Sequence[NDArray[Any]]) -> NDArray[np.bool_]:
        """See Layer.read; nearest pixels where sizes differ."""
        finite = np.ones(into[0].shape, dtype=bool)
        blank = finite.copy()
        for name, out in zip(bands, into, strict=True):
            out[:] = self._band(self._bands[name], roi, (out.shape[0], out.shape[1]))
            nodata = self._bands[name].nodata
            nodata = nodata_of([name], self.asset.nodata if nodata is None else nodata)
            blank &= (out == nodata) if nodata is not None else False
            finite &= np.isfinite(out)
        return finite & ~blank

    def _band(self, band: CubeBand, roi: ROI, shape: tuple[int, int]) -> NDArray[Any]:
        array = self._data[band.variable]
        time, y, x, bands = (_dimension(array, names) for names in (_TIMES, _ROWS, _COLS, _BANDS))
        steps = [max(1, (part.stop - part.start) // n) for part, n in zip(roi, shape, strict=True)]
        pick: dict[Any, Any] = {
            y: slice(roi[0].start, roi[0].stop, steps[0]),
            x: slice(roi[1].start, roi[1].stop, steps[1]),
        }
        if time is not None:
            pick[time] = self.asset.step or 0
        if bands is not None:
            pick[bands] = band.index
        try:
            values = np.asarray(array.isel(pick).transpose(y, x).values)
        except Exception as error:  # a damaged chunk fails in any of five libraries, each in its own way
            raise UnreadableError(f"{self.asset.path.name}: {band.name} cannot be read ({error})") from error
        index = [
            ((np.arange(n) + 0.5) * m // n).astype(int) for n, m in zip(shape, values.shape, strict=True)
        ]
        found: NDArray[Any] = values[np.ix_(*index)]
        return found

    def close(self) -> None:
        """Nothing to give back: the file is shared by the steps of the cube."""


def no_gsd(path: Path) -> str:
    """What to tell the user of a cube without a map position."""
    return f"{path.name} has no usable map position: give its ground sample distance with --gsd METRES"


def _dataset(path: Path) -> xr.Dataset:
    import xarray as xr

    try:
        engine = engine_of(path)
        extra: dict[str, Any] = {"consolidated": False} if engine == "zarr" else {}
        data = xr.open_dataset(path, engine=engine, mask_and_scale=False, decode_times=True, **extra)
    except UnreadableError:
        raise
    except Exception as error:  # as above: hostile bytes reach five libraries
        raise UnreadableError(f"{path.name}: damaged or no cube ({str(error)[:200]})") from error
    y = _dimension(data, _ROWS)
    if y is not None and y in data.coords and data.sizes[y] > 1 and data[y].values[0] < data[y].values[-1]:
        data = data.isel({y: slice(None, None, -1)})  # north up
    return data


def _dimension(data: xr.Dataset | xr.DataArray, names: Sequence[str]) -> Any:
    """The dimension that goes by one of these names, None where there is none."""
    return next((dim for name in names for dim in data.dims if str(dim).lower() == name), None)


def _bands(path: Path, data: xr.Dataset, time: Any, y: Any, x: Any) -> Iterator[CubeBand]:
    # Zarr lists its variables in any order.
    for name, array in sorted(data.data_vars.items(), key=lambda entry: str(entry[0])):
        along = _dimension(array, _BANDS)
        expected = {y, x} | ({time} if time in array.dims else set()) | ({along} if along else set())
        if set(array.dims) != expected or array.dtype.kind not in "iuf":
            continue
        check_chunk(path, str(name), array.encoding.get("chunks"), array.dtype)
        attrs = {**array.encoding, **array.attrs}
        labels: Sequence[Any] = [None] if along is None else [str(v) for v in data[along].values]
        for index, label in enumerate(labels):
            yield CubeBand(
                name=tidy_band(str(name) if label is None else label),
                variable=str(name),
                index=None if label is None else index,
                scale=_number(attrs.get("scale_factor"), 1.0),
                offset=_number(attrs.get("add_offset"), 0.0),
                nodata=_nodata(attrs),
                dtype=array.dtype.name,
            )


def _nodata(attrs: Mapping[str, Any]) -> float | None:
    value = _number(attrs.get("_FillValue", attrs.get("missing_value")), np.nan)
    return value if np.isfinite(value) else None


def _number(value: Any, default: float) -> float:
    try:
        return float(np.asarray(value).reshape(-1)[0]) if value is not None else default
    except (TypeError, ValueError, IndexError):
        return default


def _times(path: Path, data: xr.Dataset, time: Any) -> tuple[datetime, ...]:
    values = data[time].values
    if values.dtype.kind != "M" or len(values) > MAX_STEPS or np.isnat(values).any():
        raise UnreadableError(
            f"{path.name}: dimension {time} holds {len(values)} values of type {values.dtype}; "
            f"at most {MAX_STEPS} times in CF units are expected",
            "bad-time",
        )
    return tuple(moment.replace(tzinfo=UTC) for moment in values.astype("datetime64[us]").astype(object))


def _angles(data: xr.Dataset, time: Any) -> dict[str, NDArray[np.float64]]:
    """Angles that are given once a step; 0 stands for unknown in the exports that have them."""
    found = {}
    for name, array in data.variables.items():
        match = re.match(r"(sun|view)_?(azimuth|zenith)", str(name).lower())
        if match and time is not None and array.dims == (time,) and array.dtype.kind in "iuf":
            values = array.values.astype(np.float64) * _number(array.attrs.get("scale_factor"), 1.0)
            found["_".join(match.groups())] = np.where(values == 0, np.nan, values)
    return found


def _grid(data: xr.Dataset, variable: str, y: Any, x: Any) -> GeoBox | None:
    """Grid from the coordinates of the pixel centres."""
    if x not in data.coords or y not in data.coords:
        return None
    steps = []
    for axis in (x, y):
        values = data[axis].values
        if values.dtype.kind not in "iuf" or len(values) < 2:
            return None
        spacing = np.diff(values.astype(np.float64))
        step = float(spacing.mean())
        if not np.isfinite(step) or step == 0 or np.abs(spacing - step).max() > 0.01 * abs(step):
            return None
        steps.append((float(values[0]) - step / 2, step))
    (left, width), (top, height) = steps
    crs = _crs(data, variable, str(x))
    shape = (data.sizes[y], data.sizes[x])
    return None if crs is None else GeoBox(shape, Affine(width, 0, left, 0, height, top), crs)


def _crs(data: xr.Dataset, variable: str, x: str) -> str | None:
    """CRS from the grid mapping, or from attributes of the variable or the file."""
    attrs = {**data[variable].encoding, **data[variable].attrs}
    mapping = data.variables.get(attrs.get("grid_mapping", "spatial_ref"), data.variables.get("crs"))
    places = [*([mapping.attrs] if mapping is not None else []), attrs, data.attrs]
    for place in places:
        for key in ("epsg", "crs_wkt", "spatial_ref", "crs"):
            text = str(place.get(key, ""))
            code = re.fullmatch(r"(?:\+init=)?(?:epsg:)?(\d{4,6})", text.strip(), re.IGNORECASE)
            try:
                crs = CRS.from_user_input(f"EPSG:{code[1]}" if code else text) if text else None
            except CRSError:
                continue
            if crs is not None and (crs.is_geographic or crs.is_projected):
                return crs.to_string() if crs.to_epsg() is None else f"EPSG:{crs.to_epsg()}"
    return "EPSG:4326" if x.lower() in {"lon", "longitude"} else None
