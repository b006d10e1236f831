"""``yardwatch count PATH...``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evidence.cli.executors import Memory, Scheduler, Where, Workers, chosen
from evidence.cli.stores import BYTES, OBJECTS, CacheFolder, MostBytes, MostObjects, bringing, results_in
from evidence.cli.terminal import summarise, told
from imagery.sources.network.secret import bare_href

NAME = "count"


def main(
    paths: Annotated[list[str], typer.Argument(help="Folders, images or URLs, any number.")],
    site: Annotated[list[Path] | None, typer.Option(help="Site file (GeoJSON); repeatable.")] = None,
    tracks: Annotated[
        Path | None, typer.Option(help="Track axes (GeoJSON), in map coordinates or pixels.")
    ] = None,
    gsd: Annotated[
        float | None, typer.Option(help="Metres a pixel, for images without a map position.")
    ] = None,
    bands: Annotated[str | None, typer.Option(help="Band names in file order, such as B04,B03,B02.")] = None,
    out: Annotated[str, typer.Option(help="Folder for the results, or s3://, gs://, az://.")] = "out",
    detector: Annotated[str, typer.Option(help="Who counts wagons one by one.")] = "strips",
    adapted: Annotated[
        Path | None, typer.Option(help="Weights of yardwatch adapt; those beside a site file need no option.")
    ] = None,
    executor: Where = "local",
    scheduler: Scheduler = None,
    workers: Workers = 0,
    memory: Memory = None,
    cache: CacheFolder = None,
    most_objects: MostObjects = OBJECTS,
    most_bytes: MostBytes = BYTES,
) -> None:
    """Count railcars, or measure occupied track, in any folders or images; no config is needed.

    Example: yardwatch count yard.png --gsd 0.5 --tracks yard-tracks.geojson --out out/yard
    """
    with told():
        from evidence.cli.progress import with_progress
        from evidence.config import resolved

        looker = chosen(executor, scheduler, workers, memory)
        values = {
            "title": f"Count of {', '.join(Path(bare_href(path)).name for path in paths)}",
            "tiles": paths,
            "sites": [path.resolve() for path in site or ()],
            "tracks": tracks.resolve() if tracks else None,
            "gsd_m": gsd,
            "bands": bands.split(",") if bands else None,
            "detector": detector,
            "adapted": adapted.resolve() if adapted else None,
        }
        settings = resolved(values, "count", Path(), bringing(cache, most_objects, most_bytes))
        with results_in(out, cache) as folder:
            summarise(with_progress(settings, folder, executor=looker))
