"""``yardwatch claims``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evidence.cli.terminal import console, told

NAME = "claims"


def main(
    paths: Annotated[list[Path] | None, typer.Argument(help="Claim files or folders.")] = None,
    site: Annotated[str | None, typer.Option(help="Only this site.")] = None,
    quantity: Annotated[str | None, typer.Option(help="Only this quantity.")] = None,
    testable: Annotated[
        bool | None, typer.Option(help="Only claims that imagery could test, or could not.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Only claims with this word.")] = None,
) -> None:
    """List the published figures that seeds/claims holds, and which of them imagery could test."""
    with told():
        from rich.table import Table

        from evidence.claims import filter_claims, load_claims

        found = filter_claims(
            load_claims(paths or [Path("seeds/claims")]),
            site=site,
            quantity=quantity,
            testable=testable,
            text=text,
        )
        table = Table("id", "site", "period", "claim", "testable", "source")
        for claim in found:
            cells = (
                claim.id,
                claim.site,
                str(claim.period),
                claim.text,
                "yes" if claim.testable else "no",
                claim.source,
            )
            table.add_row(*(cell.replace("[", r"\[") for cell in cells))
        console.print(table)
        console.print(f"{len(found)} claims, {sum(claim.testable for claim in found)} testable by imagery")
