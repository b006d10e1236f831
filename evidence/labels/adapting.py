"""A site's few labels into a small change of the shipped reader, kept beside the site."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely

from evidence.labels.labelled import Labelled
from imagery.crop import roi_around
from imagery.errors import InputError
from imagery.grid import ground_gsd
from imagery.reader import open_scene
from imagery.scenes import Scene
from imagery.sensors import SENSORS
from imagery.sites import load_site
from models.axes.line import Line
from models.detections import Detections, concatenate
from models.wagons.adapt import AdaptConfig, Gain, adapt, write_delta
from models.wagons.data import Chip
from models.wagons.infer import WEIGHTS, clear_of_each_other
from models.wagons.labels import labels_on
from models.wagons.marks import Sheet
from models.wagons.nets import StripNet, load
from models.wagons.picture import Picture
from models.wagons.read import read_axes
from models.wagons.registry import ADAPTED_ENDING
from models.wagons.score import match, total

AROUND_M = 100.0
"""Ground read around the labels: a strip sees 64 m to either side."""
LARGEST_PIXELS = 100_000_000
"""Pixels around the labels of one image that are held in memory."""
ALONG_M = 30.0
"""A left-out railcar is sought along its own axis and so far beyond both ends."""


@dataclass(frozen=True)
class Adapted:
    """What became of a site's labels."""

    gain: Gain
    """Figures on labels left out."""
    path: Path
    """Where the weights stand, or would."""
    kept: bool
    """Whether weights were written; else the shipped reader stays."""


def place_for(site: str, sites: Path = Path("seeds/sites")) -> Path:
    """Where a site's weights are kept.

    Args:
        site: A site file, the name of one in ``sites``, or any other name, for images without a site.
        sites: Folder of site files.

    Raises:
        InputError: The site file cannot be used, or the name is no slug.
    """
    for file in (Path(site), sites / f"{site}.geojson"):
        if file.is_file():
            load_site(file)
            return file.with_suffix(ADAPTED_ENDING)
    if not re.fullmatch(r"[a-z0-9_-]{1,64}", site):
        raise InputError(f"no site file {site}: give one, or a name of a-z, 0-9, '-' and '_'")
    return Path(f"{site}{ADAPTED_ENDING}")


def adapt_site(
    labelled: Labelled,
    path: Path,
    classes: Sequence[str] = (),
    config: AdaptConfig | None = None,
    say: Callable[[str], None] = print,
) -> Adapted:
    """Move the shipped reader towards labels, and keep the change only where left-out labels gain by it.

    Args:
        labelled: Images with their labels.
        path: Where the change is written.
        classes: Labelled classes that are railcars; all by default.
        config: How far and how long.
        say: Told of the figures.

    Raises:
        InputError: Labels do not fit their image, or are too few or too many.
        UnreadableError: The shipped weights are absent.
    """
    shipped: StripNet = load(WEIGHTS / "reader.safetensors", StripNet)[0]
    chips = [_chip(scene, sheet, classes) for scene, sheet in labelled.scenes]
    adapted, gain = adapt(shipped, chips, config, say, f1_at_labels)
    if gain.helped:
        write_delta(shipped, adapted, path)
    return Adapted(gain, path, gain.helped)


def f1_at_labels(net: StripNet, chips: Sequence[Chip]) -> float:
    """F1 of a reader along the axes of labelled railcars, at an overlap of 0.3.

    Labels need not be complete, so what is found where nobody labelled is neither right nor wrong.
    """
    tallies = []
    for chip in chips:
        raster = chip.raster()
        picture = Picture(raster)
        parts = read_axes(net, picture, [_axis(box, chip.gsd_m) for box in chip.boxes])
        found = clear_of_each_other(concatenate(raster.grid, parts))
        labels = shapely.union_all(Detections(raster.grid, chip.boxes, np.ones(len(chip.boxes))).polygons())
        polygons = found.polygons()
        touching = shapely.area(shapely.intersection(polygons, labels)) > 0.1 * shapely.area(polygons)
        tallies.append(match(found.take(touching), chip.boxes, 0.3).tally)
    return total(tallies).f1


def _axis(box: Line, gsd_m: float) -> Line:
    cx, cy, size, _, degrees = box
    along = np.array([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))])
    half = size / 2 + ALONG_M / gsd_m
    line: Line = np.array([cx, cy]) + np.outer([-half, half], along)
    return line


def _chip(scene: Scene, sheet: Sheet, classes: Sequence[str]) -> Chip:
    """The part of an image around its labels."""
    with open_scene(scene) as raster:
        gsd = ground_gsd(raster.grid)
        if SENSORS[scene.sensor].regime(gsd) != "single":
            raise InputError(f"{scene.id}: pixels of {gsd:.2f} m show no single wagon: use 1.2 m or finer")
        labels = labels_on(sheet, raster.native_grid, raster.grid, classes)
        picture = Picture(raster)
        everywhere = (slice(0, picture.shape[0]), slice(0, picture.shape[1]))
        around = roi_around(raster.grid, labels.boxes[:, :2], AROUND_M / gsd) if len(labels.boxes) else None
        rows, cols = around or everywhere
        if (rows.stop - rows.start) * (cols.stop - cols.start) > LARGEST_PIXELS:
            raise InputError(
                f"{scene.id}: labels lie {max(rows.stop - rows.start, cols.stop - cols.start)} pixels apart: "
                "give a part of the image, or fewer of its labels"
            )
        rgb, valid = picture.window((rows, cols))
    corner = np.array([cols.start, rows.start], dtype=np.float64)
    boxes = labels.boxes - [*corner, 0, 0, 0]
    unknown = np.full(len(boxes), -1, dtype=np.int8)
    ignore = tuple(line - corner for line in labels.ignore)
    return Chip(rgb.copy(), valid.copy(), gsd, boxes, unknown, unknown, name=scene.id, ignore=ignore)
