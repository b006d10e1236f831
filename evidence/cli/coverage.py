"""``yardwatch coverage OUT``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evidence.cli.terminal import console, escape, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagery.fetching.coverage import Day

NAME = "coverage"

_MONTH_WIDTH = 41


def main(
    out: Annotated[Path, typer.Argument(help="Folder that was fetched into.")],
    site: Annotated[
        list[Path] | None, typer.Option(help="Corrected site file, in place of the folder's; repeatable.")
    ] = None,
    min_seen: Annotated[float, typer.Option(help="Least share of the place that must be seen.")] = 0.6,
    draw: Annotated[
        Path | None, typer.Option(help="Picture, .svg or .png; OUT/coverage.svg by default.")
    ] = None,
) -> None:
    """Say of every day whether it was measured, and if not, why; as a table and a calendar.

    Writes OUT/coverage.csv and a picture.
    """
    with told():
        from evidence.places.calendars import draw as draw_calendar
        from evidence.places.calendars import write_table
        from imagery.errors import InputError
        from imagery.fetching.coverage import coverage
        from imagery.sites import load_site

        if not 0 < min_seen <= 1:
            raise InputError(f"--min-seen {min_seen}: a share is more than 0 and at most 1")
        days = coverage(out, [load_site(path) for path in site or ()], min_seen)
        picture = draw or out / "coverage.svg"
        draw_calendar(days, picture)
        write_table(days, out / "coverage.csv")
        _print(days)
        console.print(f"Picture: {escape(str(picture))}", highlight=False, soft_wrap=True)


def _print(days: Sequence[Day]) -> None:
    from rich.table import Table

    from evidence.places.calendars import COLOURS, LETTERS, months
    from imagery.fetching.coverage import STATES, counts

    table = Table("days", title="Coverage", title_justify="left")
    columns = counts(days)
    for name, sensor in columns:
        group = [day for day in days if (day.site, day.sensor) == (name, sensor)]
        console.print(f"[bold]{escape(name)}[/], {sensor}", highlight=False)
        cells = [
            f"{first:%Y-%m} "
            + "".join(f"[{COLOURS[state]}]{LETTERS[state]}[/]" if state else " " for state in line)
            for first, line in months(group)
        ]
        across = max(1, console.width // _MONTH_WIDTH)
        for i in range(0, len(cells), across):
            console.print("  ".join(cells[i : i + across]), highlight=False, no_wrap=True)
        table.add_column(f"{escape(name)}\n{sensor}", justify="right")
    for state in STATES:
        table.add_row(f"{LETTERS[state]} {state}", *(str(own[state]) for own in columns.values()))
    console.print(table)
