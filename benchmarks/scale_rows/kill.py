"""A run killed at random moments until it ends by itself: is anything lost, or done twice?"""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.scale_rows.measure import Row
from benchmarks.scale_rows.tiles import tiles
from evidence.checkpoint import Checkpoint
from evidence.config import RunConfig
from evidence.execute.local import Threads
from evidence.ledger import Sighting
from evidence.run import run
from imagery.scenes import Scene

KILLS = 200
TILES = 20
AT_ONCE = 10
"""Kills of one run; then it is let go to its end."""
SEED = 11
TABLES = ("measurements.csv", "skips.csv", "detections.geojson")


def rows() -> Iterator[Row]:
    """One folder after another is run until 200 runs were killed."""
    chance = random.Random(SEED)
    killed = lost = doubled = different = folders = 0
    with tempfile.TemporaryDirectory() as where:
        there = Path(where, "tiles")
        there.mkdir()
        tiles(there, TILES)
        whole = Path(where, "whole")
        begun = time.perf_counter()
        _run(there, whole, Path(where, "whole.log"))
        longest = time.perf_counter() - begun
        expected = _left(whole)
        while killed < KILLS:
            folders += 1
            out, log = Path(where, f"cut{folders}"), Path(where, f"cut{folders}.log")
            killed += sum(_killed(there, out, log, chance.uniform(0, longest)) for _ in range(AT_ONCE))
            _run(there, out, log)
            saved = Counter(log.read_text(encoding="utf-8").split())
            doubled += sum(count - 1 for count in saved.values())
            left = _left(out)
            lost += sum(name not in left for name in expected)
            different += left != expected
    data = f"SIMULATED, {folders} runs over {TILES} tiles, two threads, killed {killed} times (seed {SEED})"
    yield Row("killed at random: results lost", lost, "", data, at_most=0)
    yield Row("killed at random: scenes kept twice", doubled, "", data, at_most=0)
    yield Row(
        "killed at random: runs that end otherwise than one never killed", different, "", data, at_most=0
    )


def _killed(there: Path, out: Path, log: Path, after: float) -> bool:
    """Run in a child and kill it after a while; whether it was running still."""
    child = os.fork()
    if not child:
        os.setpgrp()
        _run(there, out, log)
        os._exit(0)
    time.sleep(after)
    ended, status = os.waitpid(child, os.WNOHANG)
    if ended:
        if status:
            raise RuntimeError(f"the run ended with {status}")
        return False
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


def _run(there: Path, out: Path, log: Path) -> None:
    class Logged(Checkpoint):
        def save(self, scene: Scene, sightings: Sequence[Sighting], kin: str = "") -> None:
            super().save(scene, sightings, kin)
            with log.open("a", encoding="utf-8") as stream:
                stream.write(f"{scene.id}\n")

    import evidence.run as room

    room.Checkpoint = Logged  # type: ignore[misc]
    run(RunConfig(tiles=(there,), detector="edges", pictures=0), out, "c", executor=Threads(2))


def _left(out: Path) -> dict[str, Any]:
    seen = {path.name: path.read_bytes() for path in out.glob(".finished/*.npz")}
    return seen | {name: (out / name).read_bytes() for name in TABLES}
