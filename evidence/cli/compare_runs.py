"""``yardwatch compare-runs RUN...``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evidence.cli.terminal import console, escape, told

if TYPE_CHECKING:
    import pandas as pd

NAME = "compare-runs"


def main(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs, or of sweeps for all of theirs.")],
    figures: Annotated[
        Path | None,
        typer.Option(help="CSV of what is known: site, date, quantity, value; a sweep has its own."),
    ] = None,
    quantity: Annotated[str, typer.Option(help="What is drawn.")] = "railcars",
    days: Annotated[float, typer.Option(help="How far a measured date may lie from a figure's.")] = 0.0,
    to: Annotated[Path | None, typer.Option(help="Folder for compared.csv and compared.png.")] = None,
) -> None:
    """Hold runs beside each other: against what is known, and by what they say of each claim.

    Example: yardwatch compare-runs out/sweeps/detectors --to out/compared
    """
    with told():
        from evidence.sweeps.compare import against_figures, best_of, claims_apart, draw, figures_of, runs_of
        from evidence.tables import write_csv

        found = runs_of(runs)
        known = figures or figures_of(runs)
        if known is not None:
            table = against_figures(found, known, days)
            about = f"Against {known}{', SIMULATED pixels' if table['simulated'].any() else ''}"
            _show(table.drop(columns="simulated"), about)
            for line in best_of(runs):
                console.print(escape(line), highlight=False, soft_wrap=True)
            if to is not None:
                write_csv(table, to / "compared.csv")
                draw(found, known, quantity, to / "compared.png", days)
                console.print(f"Written: {escape(str(to))}", highlight=False, soft_wrap=True)
        apart = claims_apart(found)
        if len(apart):
            disagree = int((apart["agree"] == "no").sum())
            _show(
                apart[apart["agree"] == "no"].drop(columns="agree").reset_index(names="claim"),
                "Verdicts apart",
            )
            console.print(
                f"The runs agree on {len(apart) - disagree} of {len(apart)} claims", highlight=False
            )


def _show(table: pd.DataFrame, title: str) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Column, Table

    columns = (Column(str(name).replace("_", " "), overflow="fold") for name in table.columns)
    shown = Table(*columns, title=escape(title), title_justify="left", box=SIMPLE_HEAD, padding=0)
    for row in table.itertuples(index=False):
        shown.add_row(*(f"{cell:.2f}" if isinstance(cell, float) else escape(str(cell)) for cell in row))
    console.print(shown)
