"""Runs a peer and ours on the same work, in turn, and compares CPU seconds.

    python -m benchmarks.peers.run [ROW...]

Each peer has an environment of its own (``environments.py`` makes it) and is skipped with its reason where
that is absent or a package does not import.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import work
from benchmarks.peers.environments import python_of
from benchmarks.scale_rows.measure import DATA, Row, environment

ROUNDS = 3


@dataclass(frozen=True)
class Peer:
    """One program and the work it shares with ours."""

    name: str
    """Of the row."""
    environment: str
    """See environments.py."""
    script: str
    """Beside this file."""
    work: Callable[[], Path]
    """Makes the files that both read."""
    ours: str
    """Our side, in ours.py."""
    data: str
    """On what, and where the two do not do quite the same."""
    agree: float | None = None
    """Relative difference up to which what both sides found is the same; None where it cannot be."""
    at_least: float | None = None
    """How many times our CPU seconds it was to take."""


SAHI = "SAHI, yolo11n-obb, slices of 640"
RANDOM = "read + detect + merge; its weights drawn at random: it finds nothing, so no F1 and nothing to merge"
TILES = "200 real tiles, 256 x 256, 0.6 m, no wagons"
SERIES = "real Sentinel-2 overpasses, 4 bands of 64 x 64 pixels, 43 % under cloud"
PEERS = (
    Peer(f"{SAHI}: tiles", "sahi", "sahi_yolo", work.tiles, "detect", f"{TILES}; {RANDOM}", at_least=10.0),
    Peer(
        f"{SAHI}: joined", "sahi", "sahi_yolo", work.joined, "detect",
        f"the same ground in two pictures of 2560 x 2560; {RANDOM}", at_least=10.0,
    ),
    Peer(
        f"{SAHI}: yards", "sahi", "sahi_yolo", work.yards, "detect",
        f"five real pictures with railcars, no map; {RANDOM}", at_least=10.0,
    ),
    Peer(
        f"{SAHI}: yards, mapped", "sahi", "sahi_yolo", work.yards, "detect_mapped",
        f"the same, ours with the axes of the tracks; {RANDOM}", at_least=10.0,
    ),
    Peer(
        "torchgeo, grid sampler", "torchgeo", "torchgeo_windows", work.port, "in_windows",
        "real port, 5 bands, windows of 512; the same pixels from both", 0.0,
    ),
    Peer(
        "odc-stac, a cube", "odc_stac", "odc_stack", work.items, "stack",
        "real port, six STAC Items of 5 bands, whole; the same pixels from both", 0.0,
    ),
    Peer(
        "xarray with bottleneck, medians", "xarray", "xarray_usual", work.cube, "usual",
        f"{SERIES}; median and its absolute deviation, the same from both", 1e-3,
    ),
    Peer(
        "numpy, medians", "xarray", "numpy_usual", work.cube, "usual",
        f"{SERIES}; nanmedian and its absolute deviation, the same from both", 1e-3,
    ),
    Peer(
        "nrt, EWMA", "nrt", "nrt_history", work.cube, "change",
        f"{SERIES}; what is usual and how far the last date lies off: theirs by harmonics, ours by medians",
    ),
    Peer(
        "pyxccd, S-CCD", "pyxccd", "pyxccd_breaks", work.cube, "change",
        f"{SERIES}; theirs looks for breaks at all dates, ours at one",
    ),
)  # fmt: skip


class Skipped(Exception):
    """Why a peer cannot be run here."""


def compared(peer: Peer) -> Row:
    """Their CPU seconds over ours: the median over rounds in which both take turns.

    Raises:
        RuntimeError: Our side failed; where theirs does, the row says so.
    """
    name = f"{peer.name}: their CPU seconds over ours"
    rounds = []
    for _ in range(ROUNDS):
        try:
            theirs = _theirs(peer)
        except Skipped as why:
            return Row(name, None, "", f"skipped: {why}", at_least=peer.at_least)
        rounds.append((theirs, _answer(sys.executable, "ours", peer.work(), peer.ours)))
    (their, our), *_ = rounds
    if peer.agree is not None and not np.allclose(their["check"], our["check"], rtol=peer.agree, atol=0):
        differ = f"not measured: they found {their['check']}, ours {our['check']}"
        return Row(name, None, "", differ, at_least=peer.at_least)
    ratio = statistics.median(theirs["cpu_s"] / ours["cpu_s"] for theirs, ours in rounds)
    return Row(name, ratio, "", f"{peer.data}; {_spent(rounds)}", at_least=peer.at_least)


def _theirs(peer: Peer) -> dict[str, Any]:
    own = python_of(peer.environment)
    if not DATA.is_dir():
        raise Skipped(f"no real data at {DATA}: set YARDWATCH_DATA")
    if not own.exists():
        raise Skipped(f"no environment: python -m benchmarks.peers.environments {peer.environment}")
    try:
        return _answer(str(own), peer.script, peer.work())
    except RuntimeError as error:
        raise Skipped(str(error)) from error


def _answer(python: str, script: str, *arguments: Path | str) -> dict[str, Any]:
    """What a script beside this file prints last; in a process of its own."""
    command = [python, str(Path(__file__).with_name(f"{script}.py")), *map(str, arguments)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
        raise RuntimeError(f"{script}: {said[-1]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _spent(rounds: list[tuple[dict[str, Any], dict[str, Any]]]) -> str:
    """Both sides' medians, a megapixel too where there are pictures."""
    seconds = [statistics.median(side["cpu_s"] for side in sides) for sides in zip(*rounds, strict=True)]
    said = "{:.3g} against {:.3g} CPU s".format(*seconds)
    if megapixels := rounds[0][0].get("megapixels"):
        said += ", {:.3g} against {:.3g} a megapixel".format(*(spent / megapixels for spent in seconds))
    return said


if __name__ == "__main__":
    for one in PEERS:
        if not sys.argv[1:] or any(word in one.name for word in sys.argv[1:]):
            print(compared(one))
