"""``yardwatch fetch CONFIG``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evidence.cli.stores import on_disk
from evidence.cli.terminal import console, escape, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagery.fetching.ledger import Entry
    from imagery.fetching.plan import Survey

NAME = "fetch"


def main(
    config: Annotated[Path, typer.Argument(help="YAML config, such as configs/fetch/sites.yaml.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List scenes, clouds and bytes; fetch nothing.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the tiles; the config's by default.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="key=value that replaces a config value; repeatable.")
    ] = None,
) -> None:
    """Bring every usable scene of the sites into a tile folder. Interrupted, it goes on where it was.

    Exit code 1 says that something could not be had: it stands in the ledger and is tried again next time.

    Example: yardwatch fetch configs/fetch/sites.yaml --dry-run
    """
    with told():
        import numpy as np

        from evidence.cli.fetch_progress import Bars
        from evidence.places.fetch_config import load_fetch_config
        from evidence.places.fetching import manners_of, surveys_of
        from imagery.fetching.fetch import fetch

        settings = load_fetch_config(config, set_ or ())
        folder = on_disk(out or settings.out)
        rng = np.random.default_rng()
        with console.status("asking catalogues") as status:
            surveys = surveys_of(
                settings, config.resolve().parent, rng, lambda site: status.update(f"asking about {site}")
            )
        if dry_run:
            _list(surveys, folder)
            raise typer.Exit(_unasked(surveys))
        with Bars() as bars:
            ended = fetch(surveys, folder, manners_of(settings), rng, bars)
        whole = _summarise(surveys, ended, folder)
        if not whole:
            raise typer.Exit(1)


def _list(surveys: Sequence[Survey], folder: Path) -> None:
    from rich.filesize import decimal

    from imagery.fetching.fetch import is_there
    from imagery.fetching.sizes import Bytes

    for survey in surveys:
        console.print(f"[bold]{escape(survey.order.site.id)}[/]", highlight=False)
        for task in survey.tasks:
            offer = task.offer
            clouds = "  ? %" if offer.cloud_cover is None else f"{offer.cloud_cover:3.0f} %"
            stored = "there" if is_there(task, folder) else decimal(task.size.stored)
            line = f"{offer.solar_day}  {offer.sensor:<14}  {clouds} clouds  {stored:>9}  {offer.id}"
            console.print(f"  {line}  ({escape(offer.provider)})", highlight=False, soft_wrap=True)
        _holes(survey)
        _said("set aside", survey.set_aside)
    left = [task for one in surveys for task in one.tasks if not is_there(task, folder)]
    size = Bytes.sum(task.size for task in left)
    console.print(
        f"{len(left)} scenes to fetch: about {decimal(size.moved)} to read from servers, "
        f"{decimal(size.stored)} to store in {escape(str(folder))}",
        highlight=False,
    )


def _summarise(surveys: Sequence[Survey], ended: Sequence[Entry], folder: Path) -> bool:
    """Print what became of it; whether everything was had."""
    from rich.filesize import decimal

    for survey in surveys:
        _holes(survey)
        _said(f"{survey.order.site.id}: set aside", survey.set_aside)
    states = Counter(entry.state for entry in ended)
    size = decimal(sum(entry.size_bytes for entry in ended))
    said = ", ".join(f"{count} {state}" for state, count in states.most_common()) or "nothing to fetch"
    console.print(f"{said}; {size} in {escape(str(folder))} (see ledger.jsonl)", highlight=False)
    for entry in [entry for entry in ended if entry.state == "failed"][:10]:
        console.print(f"  [red]failed[/] {escape(entry.id)}: {escape(entry.detail)}", highlight=False)
    return not states["failed"] and not _unasked(surveys)


def _unasked(surveys: Sequence[Survey]) -> bool:
    """Whether a catalogue could not be asked to the end."""
    return any(search.holes for survey in surveys for search in survey.searches)


def _said(what: str, entries: Sequence[Entry]) -> None:
    reasons = Counter(f"{entry.state} {entry.rule}".strip() for entry in entries)
    if reasons:
        said = ", ".join(f"{count} {escape(reason)}" for reason, count in reasons.most_common())
        console.print(f"{what}: {said}", highlight=False)


def _holes(survey: Survey) -> None:
    for search in survey.searches:
        for hole in search.holes:
            console.print(
                f"[yellow]{escape(search.catalogue)}[/] {escape(hole.collection)} {hole.period}: "
                f"{escape(hole.detail)}",
                highlight=False,
            )
