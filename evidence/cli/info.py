"""``yardwatch info PATH...``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evidence.cli.terminal import console, escape, told

if TYPE_CHECKING:
    from imagery.sources.folders.describe import Row

NAME = "info"


def main(
    paths: Annotated[list[Path], typer.Argument(help="Folders or images.")],
    gsd: Annotated[float | None, typer.Option(help="Metres a pixel, for unplaced images.")] = None,
    bands: Annotated[str | None, typer.Option(help="Band names in file order, such as B04,B03,B02.")] = None,
) -> None:
    """Say what was understood of each file, or why it cannot be used."""
    with told():
        from imagery.sources.folders.describe import describe
        from imagery.sources.folders.folder import find_scenes

        rows = describe(find_scenes(paths, gsd_m=gsd, bands=bands.split(",") if bands else None))
        for row in rows:
            console.print(_said(row), highlight=False, soft_wrap=True)
        used = [row for row in rows if not row.refused]
        console.print(f"{len(used)} scenes, {len(rows) - len(used)} files refused")


def _said(row: Row) -> str:
    if row.refused:
        return f"[red]{escape(row.path)}[/]\n  refused, {row.refused}: {escape(row.detail)}"
    when = f"{row.taken_at:%Y-%m-%d %H:%M} UTC ({row.time_from})" if row.taken_at else "no date"
    size = f"{row.shape[1]} x {row.shape[0]}" if row.shape else "unknown size"
    gsd = f"{row.gsd_m:.3g} m" if row.gsd_m else "unknown GSD"
    lines = [
        f"[bold]{escape(row.path)}[/]" + (" [yellow]SIMULATED[/]" if row.simulated else ""),
        f"  {escape(row.id)}: {row.sensor}, {when}",
        f"  {size} pixels of {gsd}, {row.crs}; read as {row.regime}",
        f"  {', '.join(map(escape, row.bands))}; {row.dtype}; {row.mask}",
    ]
    return "\n".join([*lines, f"  {escape(row.note)}"] if row.note else lines)
