"""Our side of each work; called as the peers are: folder, work."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from evidence.observe import Place, look
from imagery.alignment.usual import usual_of
from imagery.reader import open_scene
from imagery.sources.folders.folder import find_scenes
from imagery.tiles import windows
from models.onecore import one_core_each
from models.wagons.registry import detector


def detect(folder: Path) -> None:
    """Every picture, as `yardwatch count` looks at it."""
    for scene in find_scenes([folder], gsd_m=0.6).scenes:
        look(scene, [Place()], READER, 0.9)


def in_windows(folder: Path) -> None:
    """Every window of 512."""
    for scene in find_scenes([folder]).scenes:
        with open_scene(scene) as raster:
            for roi in windows((int(raster.grid.shape[0]), int(raster.grid.shape[1])), 512, 0):
                raster.read(roi)


def usual(folder: Path) -> None:
    """Median and spread of each pixel."""
    usual_of(np.load(folder / "values.npy"))


WORKS = {"detect": detect, "windows": in_windows, "usual": usual}

if __name__ == "__main__":
    where, work = Path(sys.argv[1]), sys.argv[2]
    READER = detector("strips")  # loading nets is no part of the work, here or there
    with one_core_each():
        begun = time.process_time()
        WORKS[work](where)
        print(json.dumps({"cpu_s": time.process_time() - begun}))
