"""``yardwatch count PATH...``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evidence.cli.executors import Memory, Scheduler, Where, Workers, chosen
from evidence.cli.terminal import summarise, told

NAME = "count"


def main(
    paths: Annotated[list[Path], typer.Argument(help="Folders or images, any number.")],
    site: Annotated[list[Path] | None, typer.Option(help="Site file (GeoJSON); repeatable.")] = None,
    tracks: Annotated[
        Path | None, typer.Option(help="Track axes (GeoJSON), in map coordinates or pixels.")
    ] = None,
    gsd: Annotated[
        float | None, typer.Option(help="Metres a pixel, for images without a map position.")
    ] = None,
    bands: Annotated[str | None, typer.Option(help="Band names in file order, such as B04,B03,B02.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("out"),
    detector: Annotated[str, typer.Option(help="Who counts wagons one by one.")] = "strips",
    adapted: Annotated[
        Path | None, typer.Option(help="Weights of yardwatch adapt; those beside a site file need no option.")
    ] = None,
    executor: Where = "local",
    scheduler: Scheduler = None,
    workers: Workers = 0,
    memory: Memory = None,
) -> None:
    """Count railcars, or measure occupied track, in any folders or images; no config is needed.

    Example: yardwatch count yard.png --gsd 0.5 --tracks yard-tracks.geojson --out out/yard
    """
    with told():
        from evidence.cli.progress import with_progress
        from evidence.config import RunConfig, check_config

        looker = chosen(executor, scheduler, workers, memory)
        values = {
            "title": f"Count of {', '.join(path.name for path in paths)}",
            "tiles": [path.resolve() for path in paths],
            "sites": [path.resolve() for path in site or ()],
            "tracks": tracks.resolve() if tracks else None,
            "gsd_m": gsd,
            "bands": bands.split(",") if bands else None,
            "detector": detector,
            "adapted": adapted.resolve() if adapted else None,
        }
        summarise(with_progress(check_config(RunConfig, values, "count"), out, executor=looker))
