"""``yardwatch site new NAME`` and ``yardwatch site check SITE``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evidence.cli.terminal import console, escape, told

if TYPE_CHECKING:
    from evidence.places.check import Checked

NAME = "site"
app = typer.Typer(
    help="Make a site file from OpenStreetMap, and check one against images.", no_args_is_help=True
)


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Id of the site, of a-z, 0-9 and '-'.")],
    bbox: Annotated[str, typer.Option(help="W,S,E,N in degrees, at most 0.5 a side.")],
    out: Annotated[Path | None, typer.Option(help="Site file; NAME.geojson by default.")] = None,
    merge: Annotated[
        Path | None, typer.Option(help="Your file to merge with; the one at --out by default.")
    ] = None,
    endpoint: Annotated[
        str, typer.Option(help="Overpass interpreter.")
    ] = "https://overpass-api.de/api/interpreter",
) -> None:
    """Write railways, yards, berths and buildings of OpenStreetMap (ODbL) as a site file.

    What you drew or corrected (approximate: false) in the file that is there stays as it is.

    Example: yardwatch site new basel --bbox 7.60,47.53,7.64,47.56 --out seeds/sites/basel.geojson
    """
    with told():
        import numpy as np

        from evidence.places.new import write_site
        from imagery.errors import InputError
        from imagery.sites import slug_of
        from imagery.sources.maps.overpass import map_of, parse_box
        from imagery.sources.network.retry import Retry
        from imagery.sources.network.web import Web

        if slug_of("site", name) != name:
            raise InputError(f"site id {name!r}: write a-z, 0-9 and '-'")
        box, path = parse_box(bbox), out or Path(f"{name}.geojson")
        base = merge or (path if path.exists() else None)
        data = map_of(box, Web(Retry(np.random.default_rng())), endpoint)
        merged, site = write_site(path, name, data, box, base)
        console.print(
            f"{len(site.tracks)} tracks, {len(site.areas)} yards and berths, {len(site.points)} points in "
            f"{escape(str(path))}: {merged.added} new, {merged.renewed} renewed, {merged.kept} yours, "
            f"{merged.gone} no longer on the map",
            highlight=False,
            soft_wrap=True,
        )
        for reason, count in data.left_out.items():
            console.print(f"Left out: {count} x {reason}", highlight=False)
        if not site.tracks:
            console.print("[bold yellow]No railway[/] on the map in this box: draw the tracks.")
        console.print("Map data (c) OpenStreetMap contributors, ODbL. Next: yardwatch site check.")


@app.command("check")
def check(
    site: Annotated[Path, typer.Argument(help="Site file (GeoJSON).")],
    tiles: Annotated[Path, typer.Option(help="Folder of images of it; the finest are used.")],
    out: Annotated[Path, typer.Option(help="Folder for check.png and check.json.")] = Path("out/site-check"),
) -> None:
    """Lay a site over its images and measure how far the tracks lie from the rails.

    Example: yardwatch site check seeds/sites/basel.geojson --tiles tiles/basel
    """
    with told():
        from evidence.places.check import AGAINST, check_site, write_check

        checked = check_site(site, tiles)
        picture, _ = write_check(checked, out)
        _print(checked)
        console.print(AGAINST, highlight=False)
        for path in sorted({refused.path.name for refused in checked.refused})[:5]:
            console.print(f"Not used: {escape(path)} (see check.json)", highlight=False)
        if checked.picture.simulated:
            console.print("[bold yellow]SIMULATED input:[/] nothing here says anything about the real place.")
        console.print(f"Picture: {escape(str(picture))}", highlight=False, soft_wrap=True)


def _print(checked: Checked) -> None:
    from rich.table import Table

    title = f"{checked.site.id}: tracks against {len(checked.picture.scenes)} images of {checked.gsd_m:.2g} m"
    table = Table("track", "seen m", "offset m", "statement", title=escape(title), title_justify="left")
    for o in checked.offsets:
        side = "cannot be told"
        if o.offset_m is not None:
            side = f"{o.offset_m:+.1f} ± {o.uncertainty_m:.1f}"
        table.add_row(escape(o.id), f"{o.seen_m:.0f}", side, escape(o.statement))
    if checked.offsets:
        console.print(table)
    else:
        console.print("The site has no tracks on this image.")
