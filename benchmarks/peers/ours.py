"""Our side of each work; called as the peers are: folder, work."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from evidence.observe import Place, look
from imagery.alignment.usual import usual_of
from imagery.reader import open_scene
from imagery.sources.folders.folder import find_scenes
from imagery.tiles import windows
from imagery.tracks import load_tracks
from models.onecore import one_core_each
from models.wagons.registry import detector

Answer = dict[str, Any]
Work = tuple[Callable[[], Any], Callable[[], Answer]]
"""What is not timed, here or there, and what is."""


def detect(folder: Path, mapped: bool = False) -> Work:
    """Every picture, as `yardwatch count` looks at it; without axes, or with those of the folder."""
    reader = detector("strips")
    gsd_m = json.loads((folder / "gsd.json").read_text(encoding="utf-8"))

    def one(name: str) -> int:
        scenes = find_scenes([folder / name], gsd_m=gsd_m[name]).scenes
        axes = load_tracks(folder / "tracks" / f"{Path(name).stem}.geojson") if mapped else None
        (seen,) = look(scenes[0], [Place(tracks=axes)], reader, 0.9)
        return len(seen.outcome.detections or ())

    return lambda: one(min(gsd_m)), lambda: {"boxes": sum(map(one, sorted(gsd_m)))}


def detect_mapped(folder: Path) -> Work:
    """See detect."""
    return detect(folder, mapped=True)


def in_windows(folder: Path) -> Work:
    """Every window of 512, all bands."""

    def read() -> Answer:
        total = 0
        with open_scene(find_scenes([folder]).scenes[0]) as raster:
            for roi in windows((int(raster.grid.shape[0]), int(raster.grid.shape[1])), 512, 0):
                total += int(raster.read(roi).pixels.sum(dtype=np.int64))
        return {"check": [total]}

    return lambda: None, read


def stack(folder: Path) -> Work:
    """All bands of all dates of a folder of STAC Items."""

    def read() -> Answer:
        dates = []
        for scene in find_scenes([folder]).scenes:
            with open_scene(scene) as raster:
                dates.append(raster.read().pixels)
        return {"check": [int(date.sum(dtype=np.int64)) for date in dates]}

    return lambda: None, read


def usual(folder: Path) -> Work:
    """Median and spread of each pixel over all dates."""
    values = np.load(folder / "values.npy")

    def medians() -> Answer:
        found = usual_of(values)
        return {"check": [float(found.median.mean()), float(found.spread.mean()) / 1.4826]}

    return lambda: usual_of(values[:, :, :1]), medians


def change(folder: Path) -> Work:
    """The usual look of each pixel over all dates but the last, and how far that one lies off."""
    values = np.load(folder / "values.npy")

    def changes() -> Answer:
        far = usual_of(values[:-1]).change(values[-1])
        return {"flagged": int((np.abs(far) > 3).sum())}

    return lambda: usual_of(values[:-1, :, :1]), changes


WORKS = {work.__name__: work for work in (detect, detect_mapped, in_windows, stack, usual, change)}

if __name__ == "__main__":
    with one_core_each():
        first, timed = WORKS[sys.argv[2]](Path(sys.argv[1]))
        first()
        begun = time.process_time()
        answer = timed()
        print(json.dumps({"cpu_s": time.process_time() - begun, **answer}))
