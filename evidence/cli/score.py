"""``yardwatch score IMAGE... --labels PATH``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evidence.cli.terminal import command_line, console, escape, told

if TYPE_CHECKING:
    from evidence.labels.scoring import Scores

NAME = "score"
SHOWN = 10
"""Images that are not scored and still named on the terminal."""


def main(
    paths: Annotated[list[Path], typer.Argument(help="Images or folders, any number.")],
    labels: Annotated[
        Path,
        typer.Option(help="Label file or folder: GeoJSON from QGIS, Label Studio, COCO, DOTA or yardwatch."),
    ],
    tracks: Annotated[
        Path | None, typer.Option(help="Track axes (GeoJSON), or a folder with one named after each image.")
    ] = None,
    gsd: Annotated[
        float | None, typer.Option(help="Metres a pixel, for images without a map position.")
    ] = None,
    bands: Annotated[str | None, typer.Option(help="Band names in file order, such as B04,B03,B02.")] = None,
    class_: Annotated[
        list[str] | None, typer.Option("--class", help="Labelled class that is a railcar; repeatable.")
    ] = None,
    detector: Annotated[str, typer.Option(help="Who counts wagons one by one.")] = "strips",
    adapted: Annotated[
        Path | None, typer.Option(help="What a site's labels changed (yardwatch adapt).")
    ] = None,
    level: Annotated[
        float, typer.Option(help="Nominal coverage of the intervals.", min=0.01, max=0.99)
    ] = 0.9,
    out: Annotated[Path, typer.Option(help="Folder for tables and overlays.")] = Path("out/score"),
) -> None:
    """Hold counts against labels of yours: what was right, false and missed, with overlays to look at.

    Example: yardwatch score yard.png --labels yard-labels.geojson --gsd 0.5 --out out/score
    """
    with told():
        from rich.progress import Progress

        from evidence.labels.labelled import find_labelled
        from evidence.labels.scoring import Setting, facts_of, score, write_scores
        from models.wagons import registry
        from models.wagons.labels import classes_of

        labelled = find_labelled(paths, labels, gsd, bands.split(",") if bands else None)
        reader = registry.adapted(detector, adapted) if adapted else registry.detector(detector)
        setting = Setting(reader, level, tracks, tuple(class_ or ()), adapted)
        words = classes_of(sheet for _, sheet in labelled.scenes)
        said = ", ".join(f"{n} {escape(word) or 'without a class'}" for word, n in words.most_common(20))
        console.print(f"Labels: {said or 'no railcar'}", highlight=False)
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task("images", total=len(labelled.scenes))
            scores = score(labelled, setting, out, lambda scene: progress.advance(task))
        write_scores(scores, facts_of(labelled, setting, labels, command_line()), out)
        _show(scores)
        where = f"{out / 'score.json'}, {out / 'score.csv'}, {out / 'overlays'}"
        console.print(f"Written: {escape(where)}", highlight=False, soft_wrap=True)


def _show(scores: Scores) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from evidence.labels.scoring import rows_of

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=0)
    table.add_column("", overflow="fold", min_width=20)
    for name in ("GSD", "true", "counted", "F1 .3", "F1 .5", "3 m", "error", "holds", "/km2"):
        table.add_column(name, justify="right", no_wrap=True)
    what = ""
    for row in rows_of(scores.images):
        if what and row["what"] != what:
            table.add_section()
        what = row["what"]
        table.add_row(*_cells(row))
    console.print(table)
    console.print("F1 at IoU .3 and .5 and with centres within 3 m; /km2: false alarms", highlight=False)
    for name, skip in scores.left_out[:SHOWN]:
        console.print(f"Not scored: {escape(name)}: {skip.reason}, {escape(skip.detail)}", highlight=False)
    if len(scores.left_out) > SHOWN:
        console.print(f"... and {len(scores.left_out) - SHOWN} more, all of them in score.json")
    if any(image.simulated for image in scores.images):
        console.print("[bold yellow]SIMULATED input:[/] nothing here says anything about real places.")


def _cells(row: dict[str, Any]) -> list[str]:
    one = row["images"] == 1
    between = f" ({row['low']:.0f}-{row['high']:.0f})" if one else ""
    holds = ("yes" if row["interval_holds"] else "no") if one else _number(row["interval_holds"], ".0%")
    return [
        escape(row["name"]),
        _number(row["gsd_m"], ".2f"),
        str(row["railcars"]),
        f"{row['counted']:.0f}{between}",
        *(_number(row[f"f1_{name}"], ".2f") for name in ("iou30", "iou50", "centre")),
        _number(row["count_error"], "+.0%"),
        holds,
        _number(row["false_alarms_per_km2"], ".0f"),
    ]


def _number(value: float, form: str) -> str:
    """What cannot be said is a dash."""
    return "-" if value != value else format(value, form)
