"""Single wagons in figures: real yards, bare ground, paint, and 20 labels of a site.

    .venv/bin/python benchmarks/wagons.py [--images 30]

Real pictures are found through YARDWATCH_DATA (default ``../shared/data``). Figures go to
``benchmarks/results/wagons.json``, overlays to ``out/bench/wagons/index.html``: they are not committed,
since some pictures may not be shown.
"""

from __future__ import annotations

import argparse
import csv
import html
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from score_real import RESULTS, ROOT, Row, facts, figures, read_one

from evidence.labels.adapting import f1_at_labels
from evidence.labels.overlays import write_overlay
from imagery.reader import open_scene
from imagery.sensors import SINGLE_MAX_M
from imagery.sources.folders.folder import find_scenes
from imagery.tracks import load_tracks, tracks_in_pixels
from models.detections import Detector
from models.wagons.adapt import adapt
from models.wagons.colours import coloured
from models.wagons.count import count
from models.wagons.data import CALIBRATION_SHARE, Chip, backgrounds, held_out, labelled
from models.wagons.infer import WEIGHTS, StripReader
from models.wagons.nets import COVERS, StripNet, load
from models.wagons.registry import detector
from models.wagons.score import Tally, match, mean_f1, read_labels, total
from models.wagons.validate import held_against, painted

SEED = 770_001
"""Of the painted test images; nothing else was painted with it."""
GSDS = (0.25, 0.3, 0.4, 0.5, 0.7, 1.0, 1.2)
"""At which painted images are scored."""
BASE = ROOT / "out" / "train" / "base"
"""Nets that saw no real wagon, where `yardwatch train` left them."""


@dataclass(frozen=True)
class Figure:
    """One number with what it was measured on."""

    name: str
    """What it is."""
    value: float
    """As measured."""
    data: str
    """On what."""
    n: int
    """Images, or labels where the data says so."""
    target: float | None = None
    """What was to be reached at least; above, or below where less is better."""


def pooled(tallies: Sequence[Tally]) -> float:
    """F1 of all railcars together."""
    return total(tallies).f1


def on_real_yards(folder: Path, names: Sequence[str]) -> Iterator[Figure]:
    """Pictures that no training and no choice saw, with and without axes; then those that were trained on."""
    entries = [row for row in _table(folder / "index.csv") if not row["file"].startswith("negatives/")]
    for name in names:
        reader = detector(name)
        for given in (False, True):
            results = [read_one(folder, entry, reader, given) for entry in entries]
            rows = [r for r in results if isinstance(r, Row) and not r.negative and r.tracks == given]
            how = "axes given" if given else "no map"
            only = [row for row in rows if not row.may_train]
            yield from _yards(f"{name}, real yards, {how}", only, "evaluate-only yards", given)
            seen = "trained on, optimistic" if name == "strips" else "set on one of them"
            yield from _yards(
                f"{name}, Muttenz, {how}", [row for row in rows if row.may_train], f"Muttenz ({seen})", None
            )


def _yards(name: str, rows: Sequence[Row], data: str, given: bool | None) -> Iterator[Figure]:
    targets = {True: (0.88, 0.80, 0.10), False: (0.75, None, 0.20), None: (None, None, None)}[given]
    of = figures(rows)
    data = f"{data}: {of['images']} pictures, {of['true']} railcars"
    yield Figure(f"{name}: mean F1 at IoU .3", of["mean_f1_iou30"], data, len(rows), targets[0])
    yield Figure(
        f"{name}: mean F1 at IoU .5", mean_f1([row.iou50 for row in rows]), data, len(rows), targets[1]
    )
    yield Figure(
        f"{name}: mean absolute count error", of["mean_abs_count_error"], data, len(rows), targets[2]
    )
    yield Figure(f"{name}: pooled F1 at centre within 3 m", of["f1_centre_3m"], data, len(rows))
    yield Figure(f"{name}: 90 % interval holds", of["interval_holds"], data, len(rows))


def on_negatives(folder: Path, names: Sequence[str]) -> Iterator[Figure]:
    """False alarms on look-alikes that no training saw, as far as they are fine enough to be counted in."""
    every = [row for row in _table(folder / "index.csv") if row["file"].startswith("negatives/")]
    entries = [row for row in every if float(row["gsd_m"]) <= SINGLE_MAX_M]
    for name in names:
        reader = detector(name)
        rows = [r for entry in entries if isinstance(r := read_one(folder, entry, reader, False), Row)]
        of = figures(rows)
        data = f"look-alikes to {SINGLE_MAX_M} m, {of['area_km2']:.2f} km2, {of['false_alarms']} boxes"
        target = 40.0 if name == "strips" else None
        yield Figure(
            f"{name}, false alarms per km2, look-alikes", of["false_alarms_per_km2"], data, len(rows), target
        )


def on_open_ground(grounds: Sequence[Chip], names: Sequence[str]) -> Iterator[Figure]:
    """False alarms on real ground of sites that neither trained nor calibrated."""
    area = sum(float(chip.valid.sum()) * chip.gsd_m**2 for chip in grounds) / 1e6
    for name in names:
        reader = detector(name)
        boxes = sum(len(reader.detect(chip.raster())) for chip in grounds)
        data = f"ground of sites held out, {area:.2f} km2, {boxes} boxes"
        target = 10.0 if name == "strips" else None
        yield Figure(f"{name}, false alarms per km2, open imagery", boxes / area, data, len(grounds), target)


def on_paint(grounds: Sequence[Chip], images: int) -> Iterator[Figure]:
    """SIMULATED: boxes, blue tarpaulins and intervals at each GSD, axes half a metre off or none."""
    reader = detector("strips")
    blue = {True: Tally(), False: Tally()}
    for gsd in GSDS:
        for given in (True, False):
            at30, at50, holds, errors = [], [], [], []
            for chip, lines in painted(gsd, images, grounds, SEED):
                found = reader.detect(chip.raster(), lines if given else ())
                pairs = held_against(found, chip, 0.3)
                kept = coloured(found.take(~pairs.left_out), chip.raster())
                at30.append(pairs.tally)
                at50.append(held_against(found, chip, 0.5).tally)
                railcars = count(kept, 1.0, method="strips")[0]
                holds.append(railcars.low <= pairs.true <= railcars.high)
                errors.append(abs(railcars.value - pairs.true))
                blue[given] += _blue(kept, chip)
            how = f"SIMULATED, {gsd} m, {'axes 0.5 m off' if given else 'no map'}"
            data = f"{images} painted images of seed {SEED} on held-out ground, {total(at30).true} railcars"
            least = (0.93 if gsd in (0.3, 0.4, 0.5) else 0.85 if gsd == 1.0 else None) if given else None
            yield Figure(f"{how}: F1 at IoU .3", pooled(at30), data, images)
            yield Figure(f"{how}: F1 at IoU .5", pooled(at50), data, images, least)
            yield Figure(f"{how}: 90 % interval holds", float(np.mean(holds)), data, images, 0.9)
            yield Figure(f"{how}: mean absolute count error, railcars", float(np.mean(errors)), data, images)
    for given, tally in blue.items():
        how = "axes 0.5 m off" if given else "no map"
        data = f"all painted images, {tally.true} blue tarpaulins"
        name = f"SIMULATED, blue tarpaulins end to end, {how}: F1"
        yield Figure(name, tally.f1, data, images * len(GSDS), 0.85 if given else None)


def _blue(found: Any, chip: Chip) -> Tally:
    """Boxes called blue against wagons under blue tarpaulins, at IoU .3."""
    called = found.take(np.array([tarp == "blue" for tarp in found.tarps], dtype=bool))
    is_blue = chip.covers == COVERS.index("blue")
    part = replace(chip, boxes=chip.boxes[is_blue], kinds=chip.kinds[is_blue], covers=chip.covers[is_blue])
    return held_against(called, part, 0.3).tally


def with_few_labels(folder: Path, labels: int = 20) -> Iterator[Figure]:
    """Nets that never saw a real wagon, moved by 20 labels of one half of a yard, scored on the other."""
    for chip in (c for c in labelled(folder) if c.name == "muttenz_lower_025"):
        middle = chip.rgb.shape[1] // 2
        halves = [chip.part(slice(0, None), cols) for cols in (slice(0, middle), slice(middle, None))]
        halves = [h for h in halves if len(h.boxes) >= labels]
        net = load(BASE / "reader.safetensors", StripNet)[0]
        tallies: dict[str, list[Tally]] = {"before": [], "after": []}
        for learn, test in zip(halves, halves[::-1], strict=True):
            pick = np.linspace(0, len(learn.boxes) - 1, labels).astype(int)
            few = replace(learn, boxes=learn.boxes[pick], kinds=learn.kinds[pick], covers=learn.covers[pick])
            moved, _ = adapt(net, [few], say=lambda text: None, look=f1_at_labels)
            for when, reader in (("before", net), ("after", moved)):
                found = _base(reader).detect(test.raster(), _inside(test))
                tallies[when].append(held_against(found, test, 0.3).tally)
        data = f"halves of Muttenz 0.25 m, {total(tallies['after']).true} railcars, axes given"
        for when, target in (("before", None), ("after", 0.88)):
            name = f"{labels} labels of the site, {when}: F1 at IoU .3"
            yield Figure(name, pooled(tallies[when]), data, len(halves), target)


def unseen_yard(folder: Path) -> Iterator[Figure]:
    """The yard that may be trained on, read by nets that saw no real wagon."""
    for chip in (c for c in labelled(folder) if c.name.startswith("muttenz_lower")):
        for how, lines in (("axes given", _inside(chip)), ("no map", [])):
            found = _base(load(BASE / "reader.safetensors", StripNet)[0]).detect(chip.raster(), lines)
            data = f"{chip.name}, {len(chip.boxes)} railcars, nets that saw no real wagon"
            for iou in (0.3, 0.5):
                tally = _against(found, chip, iou)
                yield Figure(f"left out: {chip.name}, {how}: F1 at IoU {iou}", tally.f1, data, 1)


def _against(found: Any, chip: Chip, iou: float) -> Tally:
    labels = read_labels(_data() / "railcars" / "labels" / f"{chip.name}.json")
    return match(found, labels.boxes, iou, labels.ignored_ground(found)).tally


def _base(reader: StripNet) -> StripReader:
    """The base nets with the shipped calibration."""
    made = StripReader(reader=reader, folder=BASE, calibrated=False)
    made.calibration = StripReader(folder=WEIGHTS).calibration
    return made


def _inside(chip: Chip) -> list[Any]:
    return list(chip.tracks)


def overlays(folder: Path, out: Path) -> None:
    """Every labelled picture with what was found, right, wrong and missed."""
    out.mkdir(parents=True, exist_ok=True)
    reader: Detector = detector("strips")
    parts = ["<!doctype html><title>Wagons</title><h1>Boxes of the detector strips</h1>"]
    for file in sorted((folder / "labels").glob("*.json")):
        labels = read_labels(file)
        scene = find_scenes([folder / labels.image], gsd_m=labels.gsd_m).scenes[0]
        axes = folder / "tracks" / f"{file.stem}.geojson"
        with open_scene(scene) as raster:
            for how in ("no map", "axes given") if axes.exists() else ("no map",):
                given = tracks_in_pixels(load_tracks(axes), raster.grid) if how != "no map" else ()
                found = reader.detect(raster, [line for _, line in given])
                pairs = match(found, labels.boxes, 0.3, labels.ignored_ground(found))
                path = out / f"{file.stem}_{how.replace(' ', '_')}.png"
                write_overlay(raster, found, labels, pairs, path)
                name = html.escape(f"{labels.image}, {how}: {pairs.tally}")
                parts.append(f"<h2>{name}</h2><img src='{path.name}' style='max-width:100%'>")
    (out / "index.html").write_text("\n".join(parts))


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _data() -> Path:
    return Path(os.environ.get("YARDWATCH_DATA", ROOT / "../shared/data")).resolve()


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=30, help="painted images at each GSD")
    parser.add_argument("--out", type=Path, default=RESULTS / "wagons.json")
    wanted = parser.parse_args()
    railcars, ground = _data() / "railcars", _data() / "backgrounds"
    tests: list[Chip] = []
    parts: list[Callable[[], Iterator[Figure]]] = []
    if railcars.exists() and ground.exists():
        tests = [c for s, c in backgrounds(ground) if held_out(s) and not held_out(s, CALIBRATION_SHARE)]
        both = ("strips", "edges")
        parts += [
            lambda: on_real_yards(railcars, both),
            lambda: on_negatives(railcars, both),
            lambda: on_open_ground(tests, both),
        ]
        if BASE.exists():
            parts += [lambda: unseen_yard(railcars), lambda: with_few_labels(railcars)]
        overlays(railcars, ROOT / "out" / "bench" / "wagons")
    else:
        print(f"No real pictures at {_data()}; set YARDWATCH_DATA", file=sys.stderr)
    found: list[Figure] = []
    for part in (*parts, lambda: on_paint(tests, wanted.images)):
        for figure in part():
            goal = "" if figure.target is None else f"   (target {figure.target:g})"
            print(f"{figure.value:9.3f}  {figure.name}{goal}   [{figure.data}]", flush=True)
            found.append(figure)
    about = facts("strips", False, railcars) | {
        "benchmark": "wagons",
        "command": "python benchmarks/wagons.py",
    }
    about.pop("tracks")
    record = about | {"figures": [vars(figure) for figure in found]}
    wanted.out.write_text(json.dumps(record, indent=1, allow_nan=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
