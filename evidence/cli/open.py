"""``yardwatch open OUT``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evidence.cli.terminal import console, escape, told

NAME = "open"


def main(
    out: Annotated[Path, typer.Argument(help="Folder of a run.")],
    browser: Annotated[bool, typer.Option("--browser", help="Open the page, too.")] = False,
) -> None:
    """Print what a run left, where it lies and what it is.

    Example: yardwatch open out/sample --browser
    """
    with told():
        from evidence.exports.contents import contents

        items = contents(out)
        for item in items:
            size = "" if item.bytes is None else f" ({max(1, round(item.bytes / 1000)):,} kB)"
            console.print(f"{escape(str(item.path))}{size}", highlight=False, soft_wrap=True)
            if item.words:
                console.print(f"    {escape(item.words)}", highlight=False, soft_wrap=True)
        if browser:
            typer.launch(str(items[0].path))
