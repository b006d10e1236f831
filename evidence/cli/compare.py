"""``yardwatch compare OUT``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evidence.cli.terminal import console, escape, told

NAME = "compare"


def main(
    out: Annotated[Path, typer.Argument(help="Folder of a run.")],
    claims: Annotated[list[Path] | None, typer.Option(help="Claim files or folders; seeds/claims.")] = None,
    figures: Annotated[
        Path | None, typer.Option(help="CSV of outside figures: site, date, quantity, value.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Where to write the compared CSV.")] = None,
    days: Annotated[float, typer.Option(help="How far a measured date may lie from a figure's.")] = 1.0,
) -> None:
    """How a run's figures compare with published ones: the claim ladder, conflicts, and tables of your own.

    Example: yardwatch compare out/sample --figures mine.csv --to compared.csv
    """
    with told():
        from evidence.verdicts.outside import agreements, compare_table, write_compared
        from evidence.verdicts.outside import told as told_of

        if figures is None:
            _ladder(out, claims or [Path("seeds/claims")])
            return
        table = compare_table(out, figures, days)
        for line in told_of(agreements(table)):
            console.print(escape(line), highlight=False, soft_wrap=True)
        for reason, count in table.loc[~table["comparable"], "reason"].value_counts().items():
            console.print(f"not comparable, {count}: {escape(str(reason))}", highlight=False, soft_wrap=True)
        if to is not None:
            write_compared(table, to)
            console.print(f"Written: {escape(str(to))}", highlight=False, soft_wrap=True)


def _ladder(out: Path, paths: list[Path]) -> None:
    from rich.table import Table

    from evidence.claims import load_claims
    from evidence.verdicts.ladder import RUNGS, conflicts, rung
    from evidence.verdicts.readback import read_verdicts

    verdicts = {verdict.claim_id: verdict for verdict in read_verdicts(out)}
    claims = [claim for claim in load_claims(paths) if claim.id in verdicts]
    steps = {claim.id: rung(claim, verdicts[claim.id]) for claim in claims}
    for step, meaning in RUNGS.items():
        here = [claim for claim in claims if steps[claim.id] == step]
        table = Table("id", "verdict", "claim", "why", title=f"{step}: {meaning}", title_justify="left")
        for claim in here:
            verdict = verdicts[claim.id]
            table.add_row(*map(escape, (claim.id, verdict.verdict, claim.text, verdict.reason)))
        console.print(table if here else f"{step}: none")
    console.print("Sources beside each other:", highlight=False)
    for one in conflicts(claims):
        said = f"{verdicts[one.first.id].verdict}; {verdicts[one.second.id].verdict}"
        console.print(escape(f"- {one.sentence}. The imagery: {said}."), highlight=False, soft_wrap=True)
