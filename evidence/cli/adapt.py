"""``yardwatch adapt SITE LABELS --images PATH``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evidence.cli.terminal import console, escape, told

NAME = "adapt"


def main(
    site: Annotated[str, typer.Argument(help="Site file, name of one in seeds/sites, or any other name.")],
    labels: Annotated[
        Path, typer.Argument(help="10 to 50 labelled railcars: GeoJSON from QGIS, Label Studio, COCO, DOTA.")
    ],
    images: Annotated[list[Path], typer.Option(help="Images that were labelled; repeatable.")],
    gsd: Annotated[
        float | None, typer.Option(help="Metres a pixel, for images without a map position.")
    ] = None,
    bands: Annotated[str | None, typer.Option(help="Band names in file order, such as B04,B03,B02.")] = None,
    class_: Annotated[
        list[str] | None, typer.Option("--class", help="Labelled class that is a railcar; repeatable.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Weights to write; beside the site file by default.")
    ] = None,
) -> None:
    """Teach the reader a site from a few labels; kept only where railcars left out are read better.

    Example: yardwatch adapt seeds/sites/tumangang.geojson labels.geojson --images tiles/2023-10-05.tif
    """
    with told():
        from evidence.labels.adapting import adapt_site, place_for
        from evidence.labels.labelled import find_labelled

        path = out or place_for(site)
        labelled = find_labelled(images, labels, gsd, bands.split(",") if bands else None)
        for name, skip in labelled.left_out:
            console.print(f"Not used: {escape(name)}: {skip.reason}, {escape(skip.detail)}", highlight=False)

        def say(text: str) -> None:
            console.print(escape(text), highlight=False)

        done = adapt_site(labelled, path, tuple(class_ or ()), say=say)
        where = escape(str(done.path))
        if done.kept:
            use = (
                "count --site uses it"
                if out is None and path.parent != Path()
                else f"use it with --adapted {where}"
            )
            said = f"Written: {where}; with --detector strips, {use}"
        elif done.path.exists():
            said = f"{where} from an earlier run is left as it is; remove it to count with the shipped reader"
        else:
            said = "Nothing written."
        console.print(said, highlight=False, soft_wrap=True)
