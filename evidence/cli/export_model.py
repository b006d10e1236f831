"""``yardwatch export-model``: ``export`` alone is what writes the boxes of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evidence.cli.terminal import console, escape, told

NAME = "export-model"


def main(
    out: Annotated[Path, typer.Option(help="Folder for the ONNX files, the record and the card.")],
    railcars: Annotated[
        Path | None,
        typer.Option(help="Hand labels (index.csv) on which F1 must not fall; else painted images."),
    ] = None,
) -> None:
    """Write the nets as ONNX, measure them in every installed engine, and record the best for this machine.

    Use it with `--set engine=FOLDER`. Engines: pip install 'yardwatch[fast]'.

    Example: yardwatch export-model --out out/engine --railcars ../shared/data/railcars
    """
    with told():
        from rich.table import Table

        from models.wagons.data import labelled
        from models.wagons.engine import export, painted_chips

        chips = list(labelled(railcars)) if railcars else painted_chips()
        about = f"{len(chips)} labelled images" if railcars else f"{len(chips)} painted images (SIMULATED)"
        record = export(out, chips, about)
        table = Table(
            "engine", "strip, ms", "tile, ms", "of the matrix limit", "F1 at .3", title_justify="left"
        )
        for one in record["engines"]:
            table.add_row(
                f"{one['engine']} {one['version']}",
                f"{1000 * one['reader_s']:.1f}",
                f"{1000 * one['proposer_s']:.1f}",
                f"{one['reader_share']:.0%}, {one['proposer_share']:.0%}",
                f"{one['f1']:.3f}",
            )
        console.print(table)
        console.print(f"Chosen: [bold]{escape(record['engine'])}[/] ({record['rule']})", highlight=False)
        console.print(f"Written: {escape(str(out))}", highlight=False, soft_wrap=True)
