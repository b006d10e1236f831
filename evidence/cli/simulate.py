"""``yardwatch simulate CONFIG``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evidence.cli.terminal import console, told

NAME = "simulate"


def main(
    config: Annotated[Path, typer.Argument(help="YAML scenario, such as configs/simulate/as-reported.yaml.")],
    out: Annotated[Path, typer.Option(help="Folder for the painted tiles.")] = Path("out/simulated"),
) -> None:
    """Paint a tile archive with known truth, byte for byte the same each time. All of it says SIMULATED."""
    with told():
        from rich.progress import track

        from imagery.synthetic.archive import simulate

        console.print(f"SIMULATED tiles and truth.json in {simulate(config, out, track)}", highlight=False)
