"""``yardwatch review OUT``."""

from __future__ import annotations

import getpass
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evidence.cli.stores import cache_folder
from evidence.cli.terminal import console, escape, told
from imagery.errors import InputError

if TYPE_CHECKING:
    from evidence.review.desk import Desk

NAME = "review"


def main(
    out: Annotated[Path, typer.Argument(help="Folder of a run.")],
    who: Annotated[str | None, typer.Option(help="Your name in every mark; else that of your login.")] = None,
    inputs: Annotated[
        Path | None, typer.Option(help="Where the paths of the inputs start, if the run was moved.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; any free one.")] = 0,
    summary: Annotated[
        bool, typer.Option("--summary", help="Write the tables from review.jsonl and end.")
    ] = False,
) -> None:
    """Look through the machine's boxes in a browser: accept, reject, move, add; corrected counts follow.

    Example: yardwatch review out/sample --who "A. Reader"
    """
    with told():
        from evidence.dossier.verify import verify
        from evidence.review.counts import MARKS
        from evidence.review.desk import Desk, lay_out
        from evidence.review.marks import Book
        from evidence.review.server import Server

        laid = lay_out(verify(out, inputs=inputs, cache=cache_folder()))
        with Book(out / MARKS) as book:
            desk = Desk(laid, book, who or _login(), out)
            desk.write()
            if not summary:
                with Server(desk, port) as server, suppress(KeyboardInterrupt):
                    console.print(f"Open {server.url}", highlight=False, soft_wrap=True)
                    console.print("This address is for you alone. Ctrl-C ends the review.")
                    server.serve_forever()
            _say(desk, out)


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise InputError("this login has no name: give yours with --who") from error


def _say(desk: Desk, out: Path) -> None:
    seen = desk.overview()
    done = sum(image["done"] for image in seen["images"])
    console.print(f"{len(desk.marks)} marks; {done} of {len(seen['images'])} images done")
    for mean in seen["means"]:
        said = "no image drawn is done yet" if mean["person"] is None else f"corrected {mean['person']:.1f}"
        if mean["low"] is not None:
            said += f" ({mean['low']:.1f} to {mean['high']:.1f})"
        where = escape(f"{mean['site']} {mean['dates']}")
        console.print(f"{where}: machine {mean['machine']:.1f}, {said}", highlight=False)
    console.print(f"Side by side: {escape(str(out / 'review.csv'))}", highlight=False, soft_wrap=True)
