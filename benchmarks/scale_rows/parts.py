"""What one date of one yard costs, and one task of the Dask executor: where scale_model.py starts from."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.scale_rows.measure import DATA, ROOT, Row, child, cpu_seconds

DATES = 24
TASKS = 400
SITE = ROOT / "seeds" / "sites" / "tumangang.geojson"


def rows() -> Iterator[Row]:
    """CPU seconds, bytes, and overheads."""
    data = f"the first {DATES} Sentinel-2 dates of the sample tiles (SIMULATED pixels, real layout)"
    coarse = child("benchmarks.scale_rows.parts", "coarse")
    yield Row("scene_s", coarse["scene_s"], "CPU s", f"{data}: look, other dates read for it included")
    yield Row("scene_mb", coarse["scene_mb"], "MB", f"{data}: files on disk, each read once")
    yield Row("after_s", coarse["after_s"], "CPU s", f"{data}: all of a run but looking, a date")
    tasks = child("benchmarks.scale_rows.parts", "tasks")
    empty = f"{TASKS} empty tasks, one Dask worker: scheduler and starting process, which are one here"
    yield Row("handed_out_s", tasks["handed_out_s"], "CPU s", empty)
    yield Row("start_s", tasks["start_s"], "s", "a Dask worker here, from the call to its first answer, wall")
    fine = child("benchmarks.scale_rows.parts", "fine")
    if fine:
        about = f"{fine['pictures']} real pictures of 0.6 m, no tracks given, strips"
        yield Row("km2_cpu_s", fine["km2_cpu_s"], "CPU s", about)
        yield Row("km2_mb", fine["km2_mb"], "MB", f"{about}; files on disk")


def coarse() -> dict[str, Any]:
    """A run over some coarse dates of one yard, and what of it was looking."""
    import shutil

    import evidence.conclude  # noqa: F401  (what a run loads once is no part of the cost of a date)
    from evidence.config import RunConfig
    from evidence.execute.local import Threads
    from evidence.run import run

    sample = ROOT / "sample_tiles" / "tumangang" / "coarse"
    spent = [0.0]

    class Timed(Threads):
        def each(self, task: Any, scenes: Any, done: Any) -> Any:
            begun = cpu_seconds()
            answers = super().each(task, scenes, done)
            spent[0] = cpu_seconds() - begun
            return answers

    with tempfile.TemporaryDirectory() as where:
        there = Path(where, "tiles")
        there.mkdir()
        for item in sorted(sample.glob("*.json"))[:DATES]:
            for path in sample.glob(f"{item.stem}*"):
                shutil.copy(path, there)
        size = sum(path.stat().st_size for path in there.iterdir())
        begun = cpu_seconds()
        run(RunConfig(tiles=(there,), sites=(SITE,), pictures=0), Path(where, "out"), "c", executor=Timed(1))
        whole = cpu_seconds() - begun
    return {
        "scene_s": spent[0] / DATES,
        "after_s": (whole - spent[0]) / DATES,
        "scene_mb": size / DATES / 1e6,
    }


def tasks() -> dict[str, Any]:
    """Empty tasks through the Dask executor; in a file of its own, since workers import it by name."""
    from benchmarks.scale_rows.parts import nothing
    from evidence.execute.cluster import Dask
    from imagery.scenes import Asset, Scene

    scenes = [Scene(str(k), (Asset(Path("none"), ("red",)),)) for k in range(TASKS)]
    begun = time.perf_counter()
    moments: list[tuple[float, float]] = []
    Dask(workers=1).each(nothing, scenes, lambda scene: moments.append((time.perf_counter(), cpu_seconds())))
    (first, before), (_, after) = moments[0], moments[-1]
    return {"start_s": first - begun, "handed_out_s": (after - before) / (TASKS - 1)}


def nothing(scene: Any) -> int:
    """A task that costs nothing."""
    return 0


def fine() -> dict[str, Any]:
    """Real ground at 0.6 m, as `yardwatch count` looks at it."""
    from benchmarks.scale_rows.workers import pictures
    from evidence.observe import Place, look
    from imagery.reader import open_scene
    from imagery.sources.folders.folder import find_scenes
    from models.onecore import one_core_each
    from models.wagons.registry import detector

    if not (DATA / "backgrounds").is_dir():
        return {}
    reader, files = detector("strips"), pictures()
    scenes = find_scenes(files, gsd_m=0.6).scenes
    area = 0.0
    with one_core_each():
        begun = cpu_seconds()
        for scene in scenes:
            look(scene, [Place()], reader, 0.9)
        spent = cpu_seconds() - begun
    for scene in scenes:
        with open_scene(scene) as raster:
            area += float(raster.grid.shape[0] * raster.grid.shape[1]) * 0.36 / 1e6
    size = sum(path.stat().st_size for path in files)
    return {"km2_cpu_s": spent / area, "km2_mb": size / area / 1e6, "pictures": len(scenes)}


if __name__ == "__main__":
    print(json.dumps({"coarse": coarse, "tasks": tasks, "fine": fine}[sys.argv[1]]()))
