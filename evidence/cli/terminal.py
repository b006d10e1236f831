"""What every command shares: friendly errors, exit codes, progress and the summary table."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from imagery.errors import YardwatchError
from imagery.sources.network.secret import redact

if TYPE_CHECKING:
    from evidence.conclude import Result

console = Console()
complaints = Console(stderr=True)


@contextmanager
def told() -> Iterator[None]:
    """Turn our own errors into one line and exit code 2; Ctrl-C into 130 and how to go on."""
    try:
        yield
    except YardwatchError as error:
        complaints.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False)
        raise typer.Exit(2) from error
    except KeyboardInterrupt as error:
        complaints.print("stopped; what was finished is kept, and the same command goes on from there")
        raise typer.Exit(130) from error


def command_line() -> str:
    """This command as one can paste it; what may be a credential in a URL is left out."""
    return redact(shlex.join(["yardwatch", *sys.argv[1:]]))


def summarise(result: Result) -> None:
    """Print what was measured, what was skipped and what it means."""
    table = Table(title="Measured", title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=0)
    for name in ("site", "quantity", "dates", "median", "highest", "on", "method"):
        right = name in ("dates", "median", "highest")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for series in result.series:
        top = int(series.values.argmax())
        median = sorted(series.values)[len(series) // 2]
        table.add_row(
            escape(series.site), series.quantity, str(len(series)), f"{median:.0f}",
            f"{series.values[top]:.0f}", str(series.times[top])[:10], ", ".join(sorted(set(series.methods))),
        )  # fmt: skip
    if result.series:
        console.print(table)
    undated = [o for o in result.outcomes if o.measurements and o.taken_at is None]
    for outcome in undated[:20]:
        for m in outcome.measurements:
            where = escape(outcome.scene_id)
            console.print(
                f"{where}: {m.quantity} {m.value:.0f} ({m.low:.0f} to {m.high:.0f}), {m.method}, no date"
            )
    reasons = Counter(outcome.skip.reason for outcome in result.outcomes if outcome.skip)
    if reasons:
        said = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        console.print(f"Skipped: {said} (see skips.csv)", highlight=False)
    if result.verdicts:
        counts = Counter(verdict.verdict for verdict in result.verdicts)
        console.print(
            "Claims: " + ", ".join(f"{n} {word}" for word, n in counts.most_common()), highlight=False
        )
    if any(outcome.simulated for outcome in result.outcomes):
        console.print("[bold yellow]SIMULATED input:[/] nothing here says anything about the real place.")
    console.print(f"Report: {escape(str(result.page))}", highlight=False, soft_wrap=True)
    where = f"Dossier: {escape(str(result.dossier))}, seal {result.seal.seal_sha256}"
    console.print(where, highlight=False, soft_wrap=True)


def escape(text: str) -> str:
    """Text from outside, so that its brackets are no markup."""
    return text.replace("[", r"\[")
