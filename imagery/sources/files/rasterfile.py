"""One raster file on disk: opened with care, its header read, and its pixels window by window.

What may be opened is fixed here: TIFF (COG included), PNG, JPEG and JPEG 2000, told by their first bytes
and opened by that driver alone; local paths only. Nothing beside the file is looked at (no ``.aux.xml``,
``.ovr``, ``.msk`` or world file), so the hash of the file is the hash of what was read, and no side file
can point elsewhere.
"""

from __future__ import annotations

import math
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import CRS
from pyproj.exceptions import CRSError
from rasterio._err import CPLE_BaseError
from rasterio.enums import MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from imagery.errors import UnreadableError
from imagery.grid import ground_steps, local_grid
from imagery.sources.files.gcps import gcp_grid

_MAGIC = (
    (b"II*\0", "GTiff"),
    (b"MM\0*", "GTiff"),
    (b"II+\0", "GTiff"),
    (b"MM\0+", "GTiff"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\0\0\0\x0cjP  ", "JP2OpenJPEG"),
    (b"\xff\x4f\xff\x51", "JP2OpenJPEG"),
)

CACHE_BYTES = 192 * 2**20
"""GDAL's block cache, for the whole process. It must hold one row of windows of the widest image (40,000
RGB columns x 1,024 rows are 117 MiB), or a PNG is decoded again from its top for each window; GDAL's own
default, a share of the machine's memory, would break the ceiling of 1 GiB on a large machine. GDAL asks for
it once, at its first block; rasterio could set it only while one of its environments is entered."""
os.environ.setdefault("GDAL_CACHEMAX", str(CACHE_BYTES))
MAX_PIXELS = {"GTiff": 200_000**2, "PNG": 2**31, "JPEG": 2**31, "JP2OpenJPEG": 2**31}
"""Most pixels (rows x columns) of a file. TIFF is read block by block; the others may have to be decoded
from their start, and a few bytes of them can claim any size."""
MAX_BLOCK_BYTES = 256 * 2**20
"""Largest block (all bands) that a file may force into memory at once."""

RGB = ("red", "green", "blue")
"""Bands of a colour picture, and of a palette image."""

FAULTS = (RasterioError, CPLE_BaseError, OSError, ValueError)
"""What comes out of GDAL for a file that is damaged: not all of it is wrapped by rasterio (1.4), and text
that is no UTF-8 is a ValueError."""

_OPENING = threading.Lock()


def gdal_env() -> rasterio.Env:
    """GDAL's settings while a file is opened, and while any but a TIFF is read.

    Entering them takes longer than reading a window that GDAL holds decoded; a TIFF is read without them.
    """
    return rasterio.Env(
        GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR",
        GDAL_ERROR_ON_LIBJPEG_WARNING="YES",  # a JPEG that breaks off is an error, not a grey area
        GDAL_PNG_WHOLE_IMAGE_OPTIM="NO",  # that short cut returns unset memory where a PNG breaks off
    )


@contextmanager
def quiet() -> Iterator[None]:
    """GDAL's settings, and no warning about images without a map position: they are welcome here."""
    # catch_warnings swaps a list that all threads share: one thread at a time.
    with _OPENING, warnings.catch_warnings(), gdal_env():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


def sniff(path: Path) -> str:
    """Name of the GDAL driver for a file, told by its first bytes.

    Raises:
        UnreadableError: Missing, empty, a VRT, or no image at all; ``reason`` says which.
    """
    if str(path).startswith("/vsi"):
        raise UnreadableError(
            f"{path}: GDAL's virtual paths are refused; give a file on this disk", "not-an-image"
        )
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise UnreadableError(f"{path.name}: cannot be opened ({error.strerror})") from error
    for magic, driver in _MAGIC:
        if head.startswith(magic):
            return driver
    if not head:
        raise UnreadableError(f"{path.name} is empty (0 bytes): fetch or copy it again", "empty-file")
    if b"<VRTDataset" in head or path.suffix.lower() == ".vrt":
        raise UnreadableError(
            f"{path.name} is a GDAL VRT, which may point anywhere: turn it into a GeoTIFF "
            "(gdal_translate in.vrt out.tif)",
            "vrt-refused",
        )
    raise UnreadableError(
        f"{path.name} is no TIFF, PNG, JPEG or JPEG 2000 (it starts with {head[:8]!r})", "not-an-image"
    )


def open_dataset(path: Path) -> Any:
    """Open a file read-only with the one driver that its first bytes name.

    Returns:
        A rasterio dataset; its pixels are to be read in ``gdal_env()``; those of a TIFF may be read outside.

    Raises:
        UnreadableError: It is none of the accepted kinds, damaged, or larger than the limits above.
    """
    driver = sniff(path)
    with quiet():
        try:
            dataset = rasterio.open(os.path.abspath(path), driver=driver)
        except FAULTS as error:
            raise UnreadableError(f"{path.name}: damaged or cut off ({why(error)})") from error
    try:
        _check_size(path, dataset)
    except UnreadableError:
        dataset.close()
        raise
    return dataset


def _check_size(path: Path, dataset: Any) -> None:
    rows, cols = dataset.shape
    limit = MAX_PIXELS[dataset.driver]
    if rows * cols > limit:
        raise UnreadableError(
            f"{path.name}: {rows} x {cols} pixels are more than the {limit:.3g} accepted of a "
            f"{dataset.driver} file; cut it into pieces or store it as a tiled GeoTIFF",
            "too-large",
        )
    kinds = {np.dtype(kind) for kind in dataset.dtypes if not kind.startswith("complex")}
    if len(kinds) != 1 or any(kind.startswith("complex") for kind in dataset.dtypes):
        raise UnreadableError(
            f"{path.name}: pixels of type {', '.join(sorted(set(dataset.dtypes)))} cannot be used; "
            "store one integer or float type",
            "unsupported-dtype",
        )
    block = max(math.prod(shape) for shape in dataset.block_shapes) * kinds.pop().itemsize * dataset.count
    if block > MAX_BLOCK_BYTES:
        raise UnreadableError(
            f"{path.name}: one block takes {block / 2**20:.0f} MiB, at most {MAX_BLOCK_BYTES // 2**20} are "
            "accepted; rewrite it with tiles (gdal_translate -co TILED=YES)",
            "too-large",
        )


def why(error: BaseException) -> str:
    """What GDAL said, which rasterio keeps as the cause."""
    cause = error.__cause__ or error
    return " ".join(str(cause).split())[:200]


@dataclass(frozen=True)
class Header:
    """What a file says of itself, without its pixels."""

    path: Path
    """The file."""
    driver: str
    """``GTiff``, ``PNG``, ``JPEG`` or ``JP2OpenJPEG``."""
    shape: tuple[int, int]
    """(rows, cols)."""
    dtype: str
    """Type of a stored value."""
    grid: GeoBox | None
    """Where it lies; None without a usable map position."""
    colours: tuple[str, ...]
    """GDAL's colour interpretation of each stored band, such as ``red``, ``alpha``, ``palette``."""
    descriptions: tuple[str, ...]
    """Name of each stored band as written in the file, empty where there is none."""
    tags: dict[str, str]
    """Its metadata, upper-case keys."""
    scales: tuple[tuple[float, float], ...]
    """(scale, offset) of each stored band."""
    nodata: float | None
    """Stored value that means no data."""
    masked: bool
    """Whether it carries an alpha band or a mask of its own."""
    gcps: bool
    """Whether it carries ground control points, and no transform."""
    pages: int
    """Pictures in the file, of which the first is read."""

    @property
    def by_gcps(self) -> bool:
        """Whether its ground control points place it: its grid is then not that of its stored pixels."""
        return self.gcps and self.grid is not None

    @property
    def data_bands(self) -> tuple[int, ...]:
        """Indices (from 0) of the stored bands that are no alpha band."""
        return tuple(i for i, colour in enumerate(self.colours) if colour != "alpha")


def read_header(path: Path) -> Header:
    """Open a file for its header.

    Raises:
        UnreadableError: As for open_dataset.
    """
    with closing(open_dataset(path)) as dataset:  # its own context would enter an environment of GDAL
        return header_of(dataset, path)


def header_of(dataset: Any, path: Path) -> Header:
    """Header of an opened dataset.

    Raises:
        UnreadableError: It cannot be read to its end.
    """
    try:
        return _header(dataset, path)
    except FAULTS as error:
        raise UnreadableError(f"{path.name}: its header is damaged ({why(error)})") from error


def _header(dataset: Any, path: Path) -> Header:
    colours = tuple(colour.name for colour in dataset.colorinterp)
    band_tags = [dataset.tags(i) for i in dataset.indexes]
    flags = {flag for flags in dataset.mask_flag_enums for flag in flags}
    masked = bool(flags & {MaskFlags.alpha, MaskFlags.per_dataset})
    gcps = bool(dataset.gcps[0])
    plain = gcps and not masked and "palette" not in colours
    return Header(
        path=path,
        driver=dataset.driver,
        shape=dataset.shape,
        dtype=dataset.dtypes[0],
        grid=gcp_grid(dataset) if plain else _position(dataset),
        colours=colours,
        descriptions=tuple(
            name or tags.get("DESCRIPTION", "")
            for name, tags in zip(dataset.descriptions, band_tags, strict=True)
        ),
        tags={key.upper(): value for ns in ("IMAGERY", None) for key, value in dataset.tags(ns=ns).items()},
        scales=tuple(zip(dataset.scales, dataset.offsets, strict=True)),
        nodata=dataset.nodata,
        masked=masked,
        gcps=gcps,
        pages=max(1, len(dataset.subdatasets)),
    )


def _position(dataset: Any) -> GeoBox | None:
    """Grid of a dataset, None where its transform or CRS cannot place it on the ground."""
    a: Affine = dataset.transform
    if (
        dataset.crs is None
        or a == Affine.identity()
        or not math.isfinite(a.determinant)
        or a.determinant == 0
    ):
        return None
    return _on_the_ground(dataset.shape, a, dataset.crs)


@lru_cache(maxsize=256)
def _on_the_ground(shape: tuple[int, int], transform: Affine, written: Any) -> GeoBox | None:
    """Grid with true lengths, None without; remembered, as the files of an archive share a few."""
    try:
        crs = CRS.from_user_input(written.to_string())
        if not (crs.is_geographic or crs.is_projected):
            return None
        grid = GeoBox(shape, transform, crs)
        steps = ground_steps(grid)
    except (CRSError, RasterioError, ValueError):
        return None
    return grid if all(math.isfinite(step) and step > 0 for step in steps) else None


def placed(header: Header, gsd_m: float | None) -> GeoBox:
    """The file's own grid, or a local one of the stated GSD.

    Raises:
        UnreadableError: Neither is known (``no-gsd``).
    """
    if header.grid is not None:
        return header.grid
    if gsd_m is None:
        cause = "has control points that cannot place it" if header.gcps else "has no usable map position"
        remedy = "write it without mask or palette, or warp it (gdalwarp), or " if header.gcps else ""
        raise UnreadableError(
            f"{header.path.name} {cause}: {remedy}give its ground sample distance with --gsd METRES", "no-gsd"
        )
    return local_grid(*header.shape, gsd_m)
