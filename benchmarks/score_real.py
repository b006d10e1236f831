"""Hold a detector against every railcar that was boxed by hand on real pictures.

    .venv/bin/python benchmarks/score_real.py --detector edges [--tracks]

The pictures are found through YARDWATCH_DATA (default ``../shared/data``) and read the way ``yardwatch
count`` reads them. The table goes to the terminal and, with the machine and the commit, to
``benchmarks/results``.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from imagery.errors import YardwatchError
from imagery.grid import ground_gsd
from imagery.reader import Raster, open_scene
from imagery.sources.folders.folder import find_scenes
from imagery.tracks import load_tracks, tracks_in_pixels
from imagery.visibility import believable
from models.detections import Detections, Detector
from models.measurement import Measurement
from models.wagons.count import count
from models.wagons.registry import detector, names
from models.wagons.score import Labels, Tally, centre_match, match, mean_f1, read_labels, total

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
MASK_SIDE = 2000
"""Longest side of the reduced read that says how much ground a picture shows."""


WIDE = 160
"""Columns of the table where it goes to no terminal."""


@dataclass(frozen=True)
class Row:
    """One picture, read once."""

    image: str
    """File, relative to the folder of pictures."""
    gsd_m: float
    """Metres a pixel."""
    may_train: bool
    """Whether it may be trained and tuned on; all others are evaluate only."""
    tracks: bool
    """Whether wagons were sought along given axes."""
    area_km2: float
    """Ground with data."""
    seconds: float
    """Wall time of the detector."""
    railcars: Measurement
    """The count with its interval."""
    iou30: Tally
    """Pairs whose polygons overlap by at least 0.3."""
    iou50: Tally
    """Pairs whose polygons overlap by at least 0.5."""
    centre: Tally
    """Pairs whose centres lie within 3 m."""

    @property
    def negative(self) -> bool:
        """Whether no railcar is labelled: only false alarms can be counted."""
        return self.iou30.true == 0


@dataclass(frozen=True)
class Refused:
    """A picture that the detector or the reader would not take: neither right nor wrong."""

    image: str
    """File, relative to the folder of pictures."""
    why: str
    """In words."""


def read_one(folder: Path, entry: dict[str, str], reader: Detector, with_tracks: bool) -> Row | Refused:
    """Find, open and read one picture of ``index.csv``, and hold it against its labels."""
    path = folder / entry["file"]
    inventory = find_scenes([path], gsd_m=float(entry["gsd_m"]))
    if not inventory.scenes:
        return Refused(entry["file"], "; ".join(refused.detail for refused in inventory.refused))
    axes = folder / "tracks" / f"{path.stem}.geojson"
    given = with_tracks and axes.exists()
    try:
        with open_scene(inventory.scenes[0]) as raster:
            lines = [line for _, line in tracks_in_pixels(load_tracks(axes), raster.grid)] if given else []
            start = time.perf_counter()
            found = reader.detect(raster, lines)
            seconds = time.perf_counter() - start
            return _scored(entry, raster, found, _labels(folder, path), (given, seconds, reader.name))
    except YardwatchError as error:
        return Refused(entry["file"], str(error))


def _labels(folder: Path, path: Path) -> Labels | None:
    file = folder / "labels" / f"{path.stem}.json"
    return read_labels(file) if file.exists() else None


def _scored(
    entry: dict[str, str],
    raster: Raster,
    found: Detections,
    labels: Labels | None,
    how: tuple[bool, float, str],
) -> Row:
    given, seconds, name = how
    boxes = labels.boxes if labels else found.boxes[:0]
    ignored = labels.ignored_ground(found) if labels else None
    pairs = match(found, boxes, 0.3, ignored)
    rows, cols = raster.grid.shape
    shrink = max(1.0, max(rows, cols) / MASK_SIDE)
    share = float(believable(raster.read(shape=(round(rows / shrink), round(cols / shrink)))).mean())
    measured = count(found.take(~pairs.left_out), share, method=name)
    return Row(
        image=entry["file"],
        gsd_m=float(entry["gsd_m"]),
        may_train=entry["use"] == "train and evaluate",
        tracks=given,
        area_km2=share * rows * cols * ground_gsd(raster.grid) ** 2 / 1e6,
        seconds=seconds,
        railcars=next(m for m in measured if m.quantity == "railcars"),
        iou30=pairs.tally,
        iou50=match(found, boxes, 0.5, ignored).tally,
        centre=centre_match(found, boxes, 3.0, ignored).tally,
    )


def figures(rows: Sequence[Row]) -> dict[str, Any]:
    """Figures of one picture or several; railcars weigh alike, except in ``mean_*``, where pictures do."""
    labelled = [row for row in rows if not row.negative]
    pooled = total(row.iou30 for row in labelled)
    area = sum(row.area_km2 for row in rows)
    errors = [abs(row.iou30.count_error) for row in labelled]
    alarms = sum(row.iou30.wrong for row in rows)
    held = [row.railcars.low <= row.iou30.true <= row.railcars.high for row in labelled]
    return {
        "images": len(rows),
        "true": pooled.true,
        "found": pooled.found,
        "right": pooled.right,
        "precision": pooled.precision,
        "recall": pooled.recall,
        "f1_iou30": pooled.f1,
        "f1_iou50": total(row.iou50 for row in labelled).f1,
        "f1_centre_3m": total(row.centre for row in labelled).f1,
        "mean_f1_iou30": mean_f1([row.iou30 for row in labelled]),
        "count_error": pooled.count_error,
        "mean_abs_count_error": sum(errors) / len(errors) if errors else math.nan,
        "interval_holds": sum(held) / len(held) if held else math.nan,
        "false_alarms": alarms,
        "area_km2": area,
        "false_alarms_per_km2": alarms / area if area else math.nan,
    }


def groups(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Totals: what may be tuned on apart from what may not, and pictures without railcars apart from both."""
    labelled, negative = [r for r in rows if not r.negative], [r for r in rows if r.negative]
    return {
        "may be trained on": figures([row for row in labelled if row.may_train]),
        "evaluate only": figures([row for row in labelled if not row.may_train]),
        "all with railcars": figures(labelled),
        "without railcars": figures(negative),
    }


def per_image(row: Row) -> dict[str, Any]:
    """What is written of one picture."""
    return {
        "image": row.image,
        "gsd_m": row.gsd_m,
        "evaluate_only": not row.may_train,
        "tracks_given": row.tracks,
        "seconds": round(row.seconds, 2),
        "counted": row.railcars.value,
        "low": row.railcars.low,
        "high": row.railcars.high,
        **figures([row]),
    }


def facts(name: str, with_tracks: bool, folder: Path) -> dict[str, Any]:
    """What was run, on what, with what."""
    return {
        "benchmark": "score_real",
        "detector": name,
        "tracks": with_tracks,
        "command": f"python benchmarks/score_real.py --detector {name}"
        + (" --tracks" if with_tracks else ""),
        "data": f"{folder.name}/index.csv: pictures, labels, tracks and negatives as listed there",
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": _commit(),
        "machine": {"cpu": _cpu(), "cores": os.cpu_count(), "python": platform.python_version()},
    }


def _commit() -> str:
    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    code = git("status", "--porcelain", "--", "imagery", "models", "benchmarks/score_real.py")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + (" and changes not committed" if code else "")


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or "unknown"


HEADS = ("picture", "GSD", "use", "axes", "true", "found", "P", "R", "F1 .3", "F1 .5", "3 m", "error", "/km2")


def cells(row: Row) -> tuple[str, ...]:
    """One picture as a line of the table."""
    use = "train" if row.may_train else "evaluate only"
    return _cells(row.image, f"{row.gsd_m:g}", use, "given" if row.tracks else "none", figures([row]))


def _cells(image: str, gsd: str, use: str, axes: str, of: dict[str, Any]) -> tuple[str, ...]:
    found = of["found"] if of["true"] else of["false_alarms"]
    return (
        image,
        gsd,
        use,
        axes,
        str(of["true"]),
        str(found),
        *(_number(of[key], ".2f") for key in ("precision", "recall", "f1_iou30", "f1_iou50", "f1_centre_3m")),
        _number(of["count_error"], "+.0%"),
        _number(of["false_alarms_per_km2"], ".0f"),
    )


def _number(value: float, form: str) -> str:
    """What cannot be said is a dash."""
    return "-" if math.isnan(value) else format(value, form)


def lines_of(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """The table: every picture, then the totals."""
    sums = [_cells(name, "", "", "", of) for name, of in groups(rows).items()]
    return [*map(cells, rows), *sums]


def markdown(rows: Sequence[Row], refused: Sequence[Refused], about: dict[str, Any]) -> str:
    """The result as a page for people."""
    machine = about["machine"]
    table = "\n".join(
        "| " + " | ".join(line) + " |" for line in (HEADS, ("---",) * len(HEADS), *lines_of(rows))
    )
    lost = "\n".join(f"- `{r.image}`: {r.why}" for r in refused) or "None."
    every = groups(rows)["all with railcars"]
    return f"""# `{about["detector"]}` on real pictures, axes {"given" if about["tracks"] else "not given"}

`{about["command"]}`, {about["date"]}, commit {about["commit"]}; {machine["cpu"]}, {machine["cores"]} cores,
Python {machine["python"]}. Data: {about["data"]}. Pictures that say "evaluate only" set no parameter.

{table}

P, R and F1 .3: one to one at rotated IoU of at least 0.3; F1 .5: at 0.5; 3 m: centres within 3 m. error:
(found - true) / true, which hides errors that cancel. /km2: false alarms a square kilometre of ground with
data.
Mean F1 .3 of pictures: {every["mean_f1_iou30"]:.2f}; mean absolute count error:
{every["mean_abs_count_error"]:.0%}; the nominal 90 % interval of the count held the truth on
{every["interval_holds"]:.0%} of the pictures with railcars.

Not scored:

{lost}
"""


def _plain(value: Any) -> Any:
    """JSON knows no NaN."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def main() -> int:
    """Score, print and write; 0 if any picture was scored."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--detector", default="edges", choices=names())
    parser.add_argument("--tracks", action="store_true", help="give the axes of tracks/ where there are any")
    parser.add_argument("--out", type=Path, default=RESULTS)
    wanted = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    folder = Path(os.environ.get("YARDWATCH_DATA", ROOT / "../shared/data")).resolve() / "railcars"
    if not (folder / "index.csv").exists():
        console.print(f"Skipped: no real pictures at {folder}; set YARDWATCH_DATA", soft_wrap=True)
        return 0
    with (folder / "index.csv").open(newline="", encoding="utf-8") as file:
        entries = list(csv.DictReader(file))
    reader = detector(wanted.detector)
    results = [read_one(folder, entry, reader, wanted.tracks) for entry in entries]
    rows = [result for result in results if isinstance(result, Row)]
    refused = [result for result in results if isinstance(result, Refused)]
    table = Table(
        title=f"{wanted.detector} on real pictures, axes {'given' if wanted.tracks else 'not given'}"
    )
    for head in HEADS:
        table.add_column(
            head, no_wrap=True, justify="left" if head in ("picture", "use", "axes") else "right"
        )
    for line in lines_of(rows):
        table.add_row(*line)
    console.print(table)
    for picture in refused:
        console.print(f"Not scored: {picture.image}: {picture.why}", soft_wrap=True)
    about = facts(wanted.detector, wanted.tracks, folder)
    stem = f"score_real_{wanted.detector}" + ("_tracks" if wanted.tracks else "")
    written = {
        **about,
        "totals": groups(rows),
        "images": [per_image(row) for row in rows],
        "refused": [vars(picture) for picture in refused],
    }
    written = {**_plain(written), "images": [_plain(image) for image in written["images"]]}
    wanted.out.mkdir(parents=True, exist_ok=True)
    (wanted.out / f"{stem}.json").write_text(json.dumps(written, indent=1, allow_nan=False) + "\n")
    (wanted.out / f"{stem}.md").write_text(markdown(rows, refused, about))
    console.print(f"Written: {wanted.out / stem}.json and .md", soft_wrap=True)
    return 0 if rows else 1


if __name__ == "__main__":
    sys.exit(main())
