"""How soon something is there: the help text, and the first scene of the sample tiles."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.scale_rows.measure import ROOT, Row, environment

AGAIN = 5
FINE = ("--set", "tiles=[../sample_tiles/rajin/fine]")
"""Without coarse dates, which come first, a run has to load torch and read a whole picture wagon by wagon."""
COMMAND = [sys.executable, "-c", "from evidence.cli import app; app()"]


def rows() -> Iterator[Row]:
    """Wall and CPU seconds, medians; the first is left out, so that files are in memory."""
    data = f"median of {AGAIN} after a first"
    yield from _both("yardwatch --help", _help, data, 0.5)
    sample = f"{data}; configs/sample.yaml (SIMULATED), until its first scene is kept"
    yield from _both("start to first result", _first, sample, 3.0)
    yield from _both("start to first fine picture", partial(_first, *FINE), f"{sample}; its fine tiles alone")


def _both(name: str, once: Callable[[], None], data: str, at_most: float | None = None) -> Iterator[Row]:
    """A busy machine makes the wall time longer, and leaves the CPU time."""
    walls, cpus = [], []
    for _ in range(AGAIN + 1):
        begun, before = time.perf_counter(), _children_s()
        once()
        walls.append(time.perf_counter() - begun)
        cpus.append(_children_s() - before)
    yield Row(name, statistics.median(walls[1:]), "s", data, at_most=at_most)
    yield Row(f"{name}, CPU time", statistics.median(cpus[1:]), "s", data, at_most=at_most)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _help() -> None:
    subprocess.run([*COMMAND, "--help"], cwd=ROOT, env=environment(), check=True, capture_output=True)


def _first(*options: str) -> None:
    with tempfile.TemporaryDirectory() as where:
        out = Path(where, "out")
        running = subprocess.Popen(
            [*COMMAND, "run", "configs/sample.yaml", "--out", str(out), "--workers", "1", *options],
            cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        while not any(out.glob(".finished/*.npz")):
            if running.poll() is not None:
                raise RuntimeError("the sample run ended without a scene")
            time.sleep(0.02)
        running.kill()
        running.wait()
