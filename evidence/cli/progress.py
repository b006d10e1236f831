"""A run with its progress bar."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from evidence.cli.terminal import command_line, console
from evidence.config import RunConfig
from evidence.dossier.package import UNSIGNED, Sealing
from evidence.execute.executor import Executor
from evidence.execute.local import LOCAL
from evidence.run import run

if TYPE_CHECKING:
    from evidence.conclude import Result


def with_progress(
    config: RunConfig, out: Path, sealing: Sealing = UNSIGNED, executor: Executor = LOCAL
) -> Result:
    """Run and show each scene as it is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("scenes", total=None)
        return run(
            config,
            out,
            command_line(),
            started=lambda total: progress.update(task, total=total),
            progress=lambda scene: progress.advance(task),
            sealing=sealing,
            executor=executor,
        )
