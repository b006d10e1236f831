"""How soon something is there: the help text, and the first scene of the sample tiles."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.scale_rows.measure import ROOT, Row, environment

AGAIN = 5
COMMAND = [sys.executable, "-c", "from evidence.cli import app; app()"]


def rows() -> Iterator[Row]:
    """Wall seconds, the median of several; the first is left out, so that files are in memory."""
    data = f"median of {AGAIN} after a first"
    yield Row("yardwatch --help", _median(_help), "s", data, at_most=0.5)
    sample = f"{data}; configs/sample.yaml (SIMULATED), until its first scene is kept"
    yield Row("start to first result", _median(_first), "s", sample, at_most=3.0)


def _median(once: object) -> float:
    assert callable(once)
    return statistics.median([once() for _ in range(AGAIN + 1)][1:])


def _help() -> float:
    begun = time.perf_counter()
    subprocess.run([*COMMAND, "--help"], cwd=ROOT, env=environment(), check=True, capture_output=True)
    return time.perf_counter() - begun


def _first() -> float:
    with tempfile.TemporaryDirectory() as where:
        out = Path(where, "out")
        begun = time.perf_counter()
        running = subprocess.Popen(
            [*COMMAND, "run", "configs/sample.yaml", "--out", str(out)],
            cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        while not any(out.glob(".finished/*.npz")):
            if running.poll() is not None:
                raise RuntimeError("the sample run ended without a scene")
            time.sleep(0.005)
        taken = time.perf_counter() - begun
        running.kill()
        running.wait()
        return taken
