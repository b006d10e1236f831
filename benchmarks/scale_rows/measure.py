"""What the rows of scale share."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("YARDWATCH_DATA", ROOT.parent / "shared" / "data"))


@dataclass(frozen=True)
class Row:
    """One figure."""

    name: str
    """What it is."""
    value: float | None
    """As measured; None where it could not be."""
    unit: str
    """Empty for a ratio."""
    data: str
    """On what, or why not."""
    at_least: float | None = None
    """What was to be reached."""
    at_most: float | None = None
    """What was not to be passed."""


def cpu_seconds() -> float:
    """CPU time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_mib() -> float:
    """Most memory that this process has held; unlike ``ru_maxrss`` not that of its parent."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024


def environment() -> dict[str, str]:
    """Of child processes: one thread a library, this tree's packages."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def child(module: str, *arguments: str) -> dict[str, Any]:
    """Run a module in a process of its own; its last line is JSON."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{module} {' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
