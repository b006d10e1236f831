"""Figures of scale into results/scale.json, each with its data, commit, machine and day.

    python -m benchmarks.scale [GROUP...]

Each group of rows has a module in benchmarks/scale_rows with ``rows()``. Without names all groups run; rows
of other groups stay. Every comparison runs both sides in one go.
"""

from __future__ import annotations

import importlib
import json
import platform
import subprocess
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.scale_rows.measure import ROOT
from evidence.execute.executor import cores

RESULT = Path(__file__).parent / "results" / "scale.json"
GROUPS = ("start", "boxes", "memory", "ceiling", "tiles", "kill", "engines", "workers", "parts", "peers")


def measured(group: str, commit: str) -> list[dict[str, Any]]:
    """Rows of a group with what they were measured by."""
    begun = time.monotonic()
    about = {"commit": commit, "machine": _machine(), "day": datetime.now(UTC).date().isoformat()}
    rows = []
    for row in importlib.import_module(f"benchmarks.scale_rows.{group}").rows():
        said = "not measured" if row.value is None else f"{row.value:.4g} {row.unit}"
        print(f"{group}: {row.name}: {said} ({row.data})", flush=True)
        rows.append({"group": group, **asdict(row), **about})
    print(f"{group}: {time.monotonic() - begun:.0f} s")
    return rows


def _commit() -> str:
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return said.stdout.strip() or "unknown"


def _machine() -> str:
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next(
        (line.split(":")[1].strip() for line in info if line.startswith("model name")), "unknown CPU"
    )
    return f"{model}, {cores()} cores for this, {platform.system()}, Python {platform.python_version()}"


def main(names: list[str]) -> None:
    """Run groups and write what they give beside what the others gave before."""
    if unknown := set(names) - set(GROUPS):
        raise SystemExit(f"no group {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    kept = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else []
    commit = _commit()  # before the first row is written: the file of rows is in the tree
    for group in names or GROUPS:
        kept = [row for row in kept if row["group"] != group] + measured(group, commit)
        kept.sort(key=lambda row: GROUPS.index(row["group"]))
        RESULT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
