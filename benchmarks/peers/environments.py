"""An environment of its own for each peer, in ``$YARDWATCH_PEERS/NAME`` (default ``out/peers``).

    python -m benchmarks.peers.environments [NAME...]

None is a dependency of the project. ultralytics is AGPL: it stays in its environment and runs as a process
apart. torch is the CPU build of the project's own version; PyTorch's index is asked for it only where the
configured one has none.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.scale_rows.measure import ROOT

HOME = Path(os.environ.get("YARDWATCH_PEERS", ROOT / "out" / "peers"))
TORCH = ("torch==2.13.0+cpu", "torchvision==0.28.0")
TORCH_CPU = "https://download.pytorch.org/whl/cpu"
WANTED = {
    "sahi": (*TORCH, "sahi==0.12.*", "ultralytics==8.4.*"),
    "torchgeo": (*TORCH, "torchgeo==0.8.*", "requests"),  # it imports requests and does not ask for it
    "odc_stac": ("odc-stac==0.5.*",),
    "nrt": ("nrt==0.3.*",),
    "pyxccd": ("pyxccd==1.1.*",),
    "xarray": ("xarray", "bottleneck"),  # which it takes where it is
}
"""What pip installs, by the name of the environment."""


def python_of(name: str) -> Path:
    """Its interpreter, made or not."""
    return HOME / name / "bin" / "python"


def make(name: str) -> bool:
    """Make one, or bring it up to what is wanted; False where that failed."""
    if not python_of(name).exists():
        venv.create(HOME / name, with_pip=True)
    command = [str(python_of(name)), "-m", "pip", "install", "--quiet"]
    return any(
        subprocess.run([*command, *more, *WANTED[name]], check=False).returncode == 0
        for more in ((), ("--extra-index-url", TORCH_CPU))
    )


if __name__ == "__main__":
    for one in sys.argv[1:] or WANTED:
        print(f"{one}: {'made' if make(one) else 'failed'}", flush=True)
