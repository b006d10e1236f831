"""Runs a peer and ours on the same work, in turn, and compares CPU seconds.

Each peer has a Python environment of its own, found as ``$YARDWATCH_PEERS/NAME/bin/python`` (default
``out/peers``): ``python -m venv out/peers/nrt && out/peers/nrt/bin/pip install nrt``. A peer without one is
tried in this environment, and skipped with its reason where a package is missing. None is a dependency;
SAHI's detector (ultralytics) is AGPL and runs as a process apart.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.work import cube, pictures, window_files
from benchmarks.scale_rows.measure import ROOT, Row, environment

ROUNDS = 3


@dataclass(frozen=True)
class Peer:
    """One program and the work it shares with ours."""

    name: str
    """Of its script here and of its environment."""
    packages: tuple[str, ...]
    """That must import."""
    work: Callable[[], Path]
    """Makes the files that both read."""
    ours: str
    """Our side, in benchmarks/peers/ours.py."""
    data: str
    """On what, and where the two do not do quite the same."""
    at_least: float | None = None
    """How many times our CPU seconds it was to take."""


DETECT = "real ground at 0.6 m, read + detect + merge"
SERIES = "SIMULATED, 120 dates x 96 x 96 pixels with 30 % gaps"
PEERS = (
    Peer(
        "sahi_yolo", ("sahi", "ultralytics"), pictures, "detect",
        f"{DETECT}; slices of 640, weights of yolo11n-obb drawn at random: its cost alone, no F1", 10.0,
    ),
    Peer("torchgeo_windows", ("torchgeo",), window_files, "windows", "real port, one band, windows of 512"),
    Peer("xarray_usual", ("xarray",), cube, "usual", f"{SERIES}; median and its absolute deviation"),
    Peer("nrt_history", ("nrt",), cube, "usual", f"{SERIES}; theirs fits a harmonic history (EWMA)"),
    Peer("pyxccd_breaks", ("pyxccd",), cube, "usual", f"{SERIES}; theirs looks for breaks (S-CCD)"),
)  # fmt: skip


def compared(peer: Peer) -> Row:
    """Their CPU seconds over ours: the median over rounds in which both take turns."""
    name = f"{peer.name}: their CPU seconds over ours"
    python = _python(peer)
    if (missing := _missing(python, peer.packages)) is not None:
        return Row(name, None, "", f"skipped: {missing}", at_least=peer.at_least)
    try:
        work = peer.work()
        rounds = [
            (_cost(python, peer.name, work), _cost(sys.executable, "ours", work, peer.ours))
            for _ in range(ROUNDS)
        ]
    except (RuntimeError, FileNotFoundError) as error:
        return Row(name, None, "", f"skipped: {str(error)[-300:]}", at_least=peer.at_least)
    theirs, ours = (statistics.median(side) for side in zip(*rounds, strict=True))
    ratio = statistics.median(their / our for their, our in rounds)
    return Row(name, ratio, "", f"{peer.data}; {theirs:.2f} against {ours:.2f} CPU s", at_least=peer.at_least)


def _python(peer: Peer) -> str:
    own = Path(os.environ.get("YARDWATCH_PEERS", ROOT / "out" / "peers")) / peer.name / "bin" / "python"
    return str(own) if own.exists() else sys.executable


def _missing(python: str, packages: tuple[str, ...]) -> str | None:
    done = subprocess.run(
        [python, "-c", f"import {', '.join(packages)}"], capture_output=True, text=True, check=False
    )
    lines = done.stderr.strip().splitlines()
    return None if not done.returncode else (lines[-1] if lines else f"ended with {done.returncode}")


def _cost(python: str, script: str, work: Path, *more: str) -> float:
    command = [python, str(Path(__file__).with_name(f"{script}.py")), str(work), *more]
    done = subprocess.run(command, env=environment(), cwd=work, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{script} failed: {done.stderr[-300:]}")
    return float(json.loads(done.stdout.splitlines()[-1])["cpu_s"])


if __name__ == "__main__":
    for one in PEERS:
        if not sys.argv[1:] or one.name in sys.argv[1:]:
            print(compared(one))
