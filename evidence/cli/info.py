"""``yardwatch info PATH...``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evidence.cli.terminal import console, told

NAME = "info"


def main(
    paths: Annotated[list[Path], typer.Argument(help="Folders or images.")],
    gsd: Annotated[
        float | None, typer.Option(help="Metres a pixel, for images without a map position.")
    ] = None,
) -> None:
    """Say what was understood of each file, or why it cannot be used."""
    with told():
        from imagery.sources.describe import describe
        from imagery.sources.folder import find_scenes
        from rich.table import Table

        rows = describe(find_scenes(paths, gsd_m=gsd))
        table = Table(*rows[0].keys() if rows else ())
        for row in rows:
            table.add_row(*(str(value).replace("[", r"\[") for value in row.values()))
        console.print(table)
