"""Counts held against labels that a user brings: each image, each GSD and all together."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evidence.checkpoint import Checkpoint
from evidence.files import code_digest, sha256, written
from evidence.labels.labelled import Labelled, names_of
from evidence.labels.overlays import write_overlay
from evidence.ledger import Sighting
from evidence.observe import Place, look
from evidence.tables import write_csv
from imagery.grid import ground_gsd
from imagery.reader import Raster, open_scene
from imagery.scenes import Scene
from imagery.tracks import load_tracks
from imagery.visibility import believable
from models.detections import Detections, Detector, on_grid
from models.measurement import Measurement, Skip
from models.wagons.count import count
from models.wagons.labels import labels_on
from models.wagons.marks import Sheet
from models.wagons.score import Matches, Tally, centre_match, match, mean_f1, total

BINS_M = (0.3, 0.5, 0.8, 1.2)
"""Upper ends of the GSD bins; one percent is left for the scale of map projections."""
MASK_SIDE = 2000
"""Longest side of the reduced read that says how much ground an image shows."""


@dataclass(frozen=True)
class Scored:
    """One image held against its labels."""

    image: str
    """Scene id."""
    gsd_m: float
    """Metres a pixel."""
    simulated: bool
    """Painted, not photographed."""
    tracks_given: bool
    """Whether wagons were sought along given tracks."""
    iou30: Tally
    """Pairs whose boxes overlap by at least 0.3."""
    iou50: Tally
    """Pairs whose boxes overlap by at least 0.5."""
    centre: Tally
    """Pairs whose centres lie within 3 m."""
    value: float
    """Railcars counted, without what lies on ignored ground."""
    low: float
    """Lower end of the count's interval."""
    high: float
    """Upper end."""
    area_km2: float
    """Ground with data."""

    @property
    def holds(self) -> bool:
        """Whether the interval holds the number of labelled railcars."""
        return self.low <= self.iou30.true <= self.high


@dataclass(frozen=True)
class Scores:
    """Every image, and what could not be scored."""

    images: tuple[Scored, ...]
    """In order of their ids."""
    left_out: tuple[tuple[str, Skip], ...]
    """Image and why."""


@dataclass(frozen=True)
class Setting:
    """How images are read."""

    detector: Detector
    """Who counts."""
    level: float = 0.9
    """Nominal coverage of the intervals."""
    tracks: Path | None = None
    """A track file for all images, or a folder with one named after each image."""
    classes: tuple[str, ...] = ()
    """Labelled classes that are railcars; all where empty."""
    adapted: Path | None = None
    """Weights of the site that the detector uses."""


def score(
    labelled: Labelled, setting: Setting, out: Path, progress: Callable[[Scene], None] = lambda scene: None
) -> Scores:
    """Read each image as ``count`` reads it, pair boxes with labels, and write overlays.

    Args:
        labelled: Images with their labels.
        setting: How to read them.
        out: Overlays go to ``out/overlays``; finished images are kept in ``out/.finished``.
        progress: Told of each image when it is done.

    Raises:
        InputError: Labels do not fit their image, or a track file cannot be used.
    """
    images, left_out = [], list(labelled.left_out)
    tracks = _track_files(setting.tracks)
    for scene, sheet in labelled.scenes:
        result = _score_one(scene, sheet, _tracks_of(scene, setting.tracks, tracks), setting, out)
        if isinstance(result, Skip):
            left_out.append((scene.id, result))
        else:
            images.append(result)
        progress(scene)
    return Scores(tuple(images), tuple(left_out))


def _track_files(path: Path | None) -> Mapping[str, Path]:
    if path is None or not path.is_dir():
        return {}
    return {file.stem.lower(): file for file in sorted(path.glob("*.geojson"))}


def _tracks_of(scene: Scene, path: Path | None, by_stem: Mapping[str, Path]) -> Path | None:
    if path is None or not path.is_dir():
        return path
    names = (Path(name).name.lower() for name in names_of(scene))
    return next((by_stem[key] for name in names for key in (name, Path(name).stem) if key in by_stem), None)


def _score_one(scene: Scene, sheet: Sheet, tracks: Path | None, setting: Setting, out: Path) -> Scored | Skip:
    with open_scene(scene) as raster:
        labels = labels_on(sheet, raster.native_grid, raster.grid, setting.classes)
        sighting = _seen(scene, tracks, setting, out)
        if sighting.profile is not None:
            return Skip("too-coarse", "single railcars are held against labels at 1.2 m or finer")
        if sighting.outcome.skip is not None:
            return sighting.outcome.skip
        assert sighting.outcome.detections is not None
        found = on_grid(sighting.outcome.detections, raster.grid)
        ignored = labels.ignored_ground(found)
        pairs = match(found, labels.boxes, 0.3, ignored)
        railcars = _railcars(sighting.outcome.measurements, found, pairs, setting)
        write_overlay(raster, found, labels, pairs, out / "overlays" / f"{scene.id.replace('/', '_')}.png")
        return Scored(
            image=scene.id,
            gsd_m=round(ground_gsd(raster.grid), 4),
            simulated=scene.simulated,
            tracks_given=tracks is not None,
            iou30=pairs.tally,
            iou50=match(found, labels.boxes, 0.5, ignored).tally,
            centre=centre_match(found, labels.boxes, ignored=ignored).tally,
            value=railcars.value,
            low=railcars.low,
            high=railcars.high,
            area_km2=_ground_km2(raster),
        )


def _seen(scene: Scene, tracks: Path | None, setting: Setting, out: Path) -> Sighting:
    """What ``count`` sees in the image, kept so that an interrupted command goes on from here."""
    hashes = {str(path): sha256(path) for path in _files(scene, tracks, setting.adapted)}
    own = [hashes.get(str(path)) for path in (tracks, setting.adapted)]
    settings = json.dumps([setting.detector.name, setting.level, own, code_digest()])
    checkpoint = Checkpoint(out / ".finished", settings, hashes)
    seen = checkpoint.load(scene)
    if seen is None:
        place = Place(tracks=load_tracks(tracks) if tracks else None)
        seen = look(scene, [place], setting.detector, setting.level)
        checkpoint.save(scene, seen)
    return seen[0]


def _files(scene: Scene, *others: Path | None) -> list[Path]:
    return [*(asset.path for asset in scene.assets), *(path for path in others if path)]


def _railcars(
    measured: Sequence[Measurement], found: Detections, pairs: Matches, setting: Setting
) -> Measurement:
    """The count, made again without boxes on ground where nobody could tell: the labels lack them too."""
    if pairs.left_out.any():
        share = measured[0].visible_share
        measured = count(found.take(~pairs.left_out), share, setting.level, setting.detector.name)
    return next(m for m in measured if m.quantity == "railcars")


def _ground_km2(raster: Raster) -> float:
    rows, cols = raster.grid.shape
    shrink = max(1.0, max(rows, cols) / MASK_SIDE)
    mask = believable(raster.read(shape=(max(1, round(rows / shrink)), max(1, round(cols / shrink)))))
    return float(mask.mean()) * rows * cols * ground_gsd(raster.grid) ** 2 / 1e6


def figures(images: Sequence[Scored]) -> dict[str, Any]:
    """The figures of one image or of several: railcars weigh alike, ``mean_f1`` weighs images alike.

    What cannot be said, such as the recall where no railcar is labelled, is NaN.
    """
    at = {name: [getattr(image, name) for image in images] for name in ("iou30", "iou50", "centre")}
    pooled = {name: total(tallies) for name, tallies in at.items()}
    true, value = pooled["iou30"].true, sum(image.value for image in images)
    errors = [abs(i.value - i.iou30.true) / i.iou30.true for i in images if i.iou30.true]
    area = sum(image.area_km2 for image in images)
    return {
        "images": len(images),
        "railcars": true,
        "counted": value,
        "low": images[0].low if len(images) == 1 else math.nan,
        "high": images[0].high if len(images) == 1 else math.nan,
        "count_error": (value - true) / true if true else math.nan,
        "mean_count_error": float(np.mean(errors)) if errors else math.nan,
        "interval_holds": float(np.mean([image.holds for image in images])) if images else math.nan,
        **{f"f1_{name}": tally.f1 for name, tally in pooled.items()},
        **{f"mean_f1_{name}": mean_f1([t for t in each if t.found + t.true]) for name, each in at.items()},
        "precision_iou30": pooled["iou30"].precision,
        "recall_iou30": pooled["iou30"].recall,
        "false_alarms": pooled["iou30"].wrong,
        "area_km2": area,
        "false_alarms_per_km2": pooled["iou30"].wrong / area if area else math.nan,
    }


def by_gsd(images: Sequence[Scored]) -> dict[str, list[Scored]]:
    """Images by GSD, the finest first; bins without an image are left out."""
    bins: dict[str, list[Scored]] = {}
    for image in sorted(images, key=lambda image: image.gsd_m):
        upper = next((edge for edge in BINS_M if image.gsd_m <= 1.01 * edge), None)
        bins.setdefault(f"over {BINS_M[-1]} m" if upper is None else f"to {upper} m", []).append(image)
    return bins


def rows_of(images: Sequence[Scored]) -> list[dict[str, Any]]:
    """Figures of each image, each GSD bin and all images: ``what`` is ``image``, ``gsd`` or ``all``."""
    groups = [
        *(("image", image.image, [image]) for image in images),
        *(("gsd", name, group) for name, group in by_gsd(images).items()),
        ("all", "all", list(images)),
    ]
    return [{"what": what, "name": name, **_about(group), **figures(group)} for what, name, group in groups]


def facts_of(labelled: Labelled, setting: Setting, labels: Path, command: str) -> dict[str, Any]:
    """How it was scored: command, detector and hashes of everything that was read."""
    files = {
        path for scene, sheet in labelled.scenes for path in [*_files(scene, setting.adapted), sheet.path]
    }
    if setting.tracks:
        files |= {setting.tracks}
    return {
        "command": command,
        "detector": setting.detector.name,
        "level": setting.level,
        "labels": str(labels),
        "classes": list(setting.classes),
        "code_sha256": code_digest(),
        "inputs_sha256": {str(path): sha256(path) for path in sorted(files)},
    }


def write_scores(scores: Scores, facts: Mapping[str, Any], out: Path) -> None:
    """Write ``score.json`` (everything) and ``score.csv`` (a row an image, a GSD bin and one for all).

    Args:
        scores: What was scored.
        facts: How.
        out: Folder.
    """
    rows = rows_of(scores.images)
    table = {
        **facts,
        "simulated": any(image.simulated for image in scores.images),
        "scores": [{key: _plain(value) for key, value in row.items()} for row in rows],
        "left_out": [{"image": name, "reason": s.reason, "detail": s.detail} for name, s in scores.left_out],
    }
    with written(out / "score.json") as path:
        path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    write_csv(pd.DataFrame(rows), out / "score.csv")


def _about(group: Sequence[Scored]) -> dict[str, Any]:
    one = group[0] if len(group) == 1 else None
    return {
        "gsd_m": one.gsd_m if one else math.nan,
        "tracks_given": sum(image.tracks_given for image in group),
        "simulated": any(image.simulated for image in group),
    }


def _plain(value: Any) -> Any:
    """JSON knows no NaN."""
    return None if isinstance(value, float) and math.isnan(value) else value
