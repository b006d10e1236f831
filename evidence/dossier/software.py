"""Which code ran: version, commit, every source file and weight by hash, every package installed."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

from evidence.files import code_digest, code_files

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
"""Pinned packages; absent where yardwatch was not installed from its repository."""


def software() -> dict[str, Any]:
    """What must be the same for a run to come out the same."""
    told = (one.metadata for one in distributions())  # each is parsed anew whenever it is asked for
    packages = {str(one["Name"]).lower(): one["Version"] for one in told}
    return {
        "yardwatch": version("yardwatch"),
        "commit": commit(ROOT),
        "code_sha256": code_digest(),
        "files": code_files(),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "packages": dict(sorted(packages.items())),
    }


def commit(root: Path) -> str | None:
    """The git commit of a repository, with ``-dirty`` where its files differ; None where there is none."""
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(root.parent), "GIT_OPTIONAL_LOCKS": "0"}
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        told = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return told.stdout.strip() or None
