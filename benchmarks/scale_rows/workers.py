"""Two Dask workers against one, on real tiles: wall seconds from the first scene handed out to the last."""

from __future__ import annotations

import csv
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.scale_rows.measure import DATA, Row, child
from evidence.execute.executor import cores

TILES = 120


def rows() -> Iterator[Row]:
    """The same tiles by one worker, by two, and by one again."""
    if cores() < 2 or not (DATA / "railcars").is_dir():
        why = f"not measured: {cores()} cores, data at {DATA}"
        yield Row("two Dask workers over one", None, "", why, at_least=1.8)
        return
    spent = [child("benchmarks.scale_rows.workers", str(count))["wall_s"] for count in (1, 2, 1)]
    said = ", ".join(f"{seconds:.1f}" for seconds in spent)
    data = f"{TILES} real tiles of backgrounds, strips; one, two, one worker: {said} s"
    yield Row("two Dask workers over one", (spent[0] + spent[2]) / 2 / spent[1], "", data, at_least=1.8)


def pictures() -> list[Path]:
    """Real ground, the largest files first, so that the last is short."""
    with (DATA / "backgrounds" / "index.csv").open(encoding="utf-8") as stream:
        entries = [row for row in csv.DictReader(stream) if float(row["gsd_m"]) == 0.6]
    entries.sort(key=lambda row: (-int(row["width"]) * int(row["height"]), row["file"]))
    return [DATA / "backgrounds" / row["file"] for row in entries[:TILES]]


if __name__ == "__main__":
    from distributed import Client, LocalCluster

    from evidence.checkpoint import Checkpoint
    from evidence.execute import cluster
    from evidence.execute.memory import Budget
    from evidence.observe import Looking, Place
    from imagery.sources.folders.folder import find_scenes
    from models.wagons.registry import detector

    scenes = find_scenes(pictures(), gsd_m=0.6).scenes
    with (
        tempfile.TemporaryDirectory() as where,
        LocalCluster(n_workers=int(sys.argv[1]), threads_per_worker=1, dashboard_address=None) as here,
        Client(here) as client,
    ):
        looking = Looking(
            scenes, (Place(),), detector("strips"), 0.9, Checkpoint(Path(where), "", {}), Budget()
        )
        client.register_plugin(cluster.Holding(looking), name="bench")
        begun = time.perf_counter()
        found = cluster.answers(client, "bench", scenes, lambda scene: None)
        taken = time.perf_counter() - begun
        assert len(found) == len(scenes) == TILES
    print(json.dumps({"wall_s": taken}))
