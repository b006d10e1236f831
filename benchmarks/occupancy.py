"""Every figure of issue D into results/occupancy.json, each with its data, commit, machine and day.

    python -m benchmarks.occupancy [GROUP...]

Each group of rows has a module in benchmarks/occupancy_rows with ``DATA``, what it was measured on, and
``rows()``, which gives the figures by name. Without names all groups run; figures of other groups stay.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import benchmarks.occupancy_rows as groups

RESULT = Path(__file__).parent / "results" / "occupancy.json"


def group_names() -> list[str]:
    """Modules that have rows."""
    found = [module.name for module in pkgutil.iter_modules(groups.__path__)]
    return [name for name in found if hasattr(importlib.import_module(f"{groups.__name__}.{name}"), "rows")]


def measured(name: str, commit: str) -> dict[str, dict[str, object]]:
    """Figures of one group by ``group.figure``."""
    module = importlib.import_module(f"{groups.__name__}.{name}")
    begun = time.monotonic()
    values = module.rows()
    about = {
        "data": getattr(module, "DATA", (module.__doc__ or "").split("\n")[0]),
        "commit": commit,
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "day": datetime.now(UTC).date().isoformat(),
    }
    print(f"{name}: {len(values)} figures in {time.monotonic() - begun:.0f} s")
    return {f"{name}.{figure}": {"value": value, **about} for figure, value in values.items()}


def _commit() -> str:
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return said.stdout.strip() or "unknown"


def main(names: list[str]) -> None:
    """Run groups and write what they give beside what the others gave before."""
    known = group_names()
    if unknown := set(names) - set(known):
        raise SystemExit(f"no group {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    commit = _commit()  # before the first figure is written: the file of figures is in the tree
    for name in names or known:
        found = measured(name, commit)
        # Read only now: another group may have been measured meanwhile.
        before: dict[str, dict[str, object]] = json.loads(RESULT.read_text()) if RESULT.exists() else {}
        kept = {key: row for key, row in before.items() if not key.startswith(f"{name}.")} | found
        RESULT.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
