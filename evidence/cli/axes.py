"""``yardwatch axes IMAGE``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evidence.cli.terminal import console, escape, told

NAME = "axes"


def main(
    image: Annotated[Path, typer.Argument(help="One image at 1.2 m or finer.")],
    gsd: Annotated[
        float | None, typer.Option(help="Metres a pixel, for images without a map position.")
    ] = None,
    tracks: Annotated[
        Path | None, typer.Option(help="Track axes (GeoJSON) to move onto the image; sought in it without.")
    ] = None,
    bands: Annotated[str | None, typer.Option(help="Band names in file order, such as B04,B03,B02.")] = None,
    out: Annotated[Path | None, typer.Option(help="GeoJSON to write; IMAGE-axes.geojson by default.")] = None,
    qgis: Annotated[
        bool, typer.Option("--qgis", help="Without a map position: rows as negative y, as QGIS shows them.")
    ] = False,
) -> None:
    """Write where the tracks run in an image, for you to correct in QGIS and give to count --tracks.

    Example: yardwatch axes yard.tif --out yard-axes.geojson
    """
    with told():
        from evidence.labels.tracing import said, trace, write_axes
        from imagery.errors import InputError
        from imagery.sources.folders.folder import find_scenes
        from imagery.tracks import load_tracks

        found = find_scenes([image], gsd_m=gsd, bands=bands.split(",") if bands else None)
        if len(found.scenes) != 1:
            why = found.refused[0].detail if found.refused else f"{len(found.scenes)} images in it: give one"
            raise InputError(f"{image}: {why}")
        traced = trace(found.scenes[0], load_tracks(tracks) if tracks else None)
        path = out or Path(f"{image.stem}-axes.geojson")
        write_axes(traced, path, qgis)
        for line in said(traced):
            console.print(escape(line), highlight=False)
        console.print(f"{len(traced.axes)} axes in {escape(str(path))}", highlight=False, soft_wrap=True)
        if tracks is None:
            console.print("Tracks without wagons on them are not seen: draw them in.")
