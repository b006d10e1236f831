"""``yardwatch export OUT``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evidence.cli.stores import cache_folder
from evidence.cli.terminal import console, escape, told

NAME = "export"


def main(
    out: Annotated[Path, typer.Argument(help="Folder of a run.")],
    to: Annotated[Path, typer.Option(help="Folder for the label files.")],
    format_: Annotated[str, typer.Option("--format", help="coco, dota or label-studio.")] = "coco",
    reviewed: Annotated[
        bool, typer.Option("--reviewed", help="Only images that a person is done with.")
    ] = False,
    inputs: Annotated[
        Path | None, typer.Option(help="Where the paths of the inputs start, if the run was moved.")
    ] = None,
) -> None:
    """Write the boxes of a run, as a person left them, for a labelling tool; `score` and `adapt` read them.

    Example: yardwatch export out/sample --format label-studio --to labels/
    """
    with told():
        from evidence.dossier.verify import verify
        from evidence.exports.boxes import boxes_of, export
        from evidence.review.counts import MARKS
        from evidence.review.desk import lay_out
        from evidence.review.marks import load_marks

        laid = lay_out(verify(out, inputs=inputs, cache=cache_folder()))
        images = boxes_of(laid, load_marks(out / MARKS), reviewed)
        paths = export(images, format_, to)
        boxes = sum(len(image.boxes) for image in images)
        person = sum(image.by_person for image in images)
        console.print(f"{boxes} boxes on {len(images)} images, {person} of them gone through by a person")
        for path in paths:
            console.print(f"Written: {escape(str(path))}", highlight=False, soft_wrap=True)
