"""``yardwatch sweep CONFIG...``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evidence.cli.executors import Memory, Scheduler, Where, Workers, chosen
from evidence.cli.stores import on_disk
from evidence.cli.terminal import console, escape, told

NAME = "sweep"


def main(
    configs: Annotated[
        list[Path], typer.Argument(help="YAML sweeps, such as configs/sweeps/detectors.yaml.")
    ],
    out: Annotated[Path, typer.Option(help="Folder; each sweep has its own in it.")] = Path("out/sweeps"),
    executor: Where = "local",
    scheduler: Scheduler = None,
    workers: Workers = 0,
    memory: Memory = None,
) -> None:
    """Run a config with many settings, each once, and choose the best on one part of what is known.

    Example: yardwatch sweep configs/sweeps/detectors.yaml && yardwatch compare-runs out/sweeps/detectors
    """
    with told():
        from evidence.sweeps.compare import best_of
        from evidence.sweeps.plan import load_sweep
        from evidence.sweeps.sweep import TABLE, sweep

        looker = chosen(executor, scheduler, workers, memory)

        def say(text: str) -> None:
            console.print(escape(text), highlight=False, soft_wrap=True)

        for plan in [load_sweep(path) for path in configs]:
            console.print(f"[bold]{escape(plan.name)}[/]", highlight=False)
            folder = on_disk(out) / plan.name
            sweep(plan, folder, looker, say)
            for line in best_of([folder]):
                say(line)
            say(f"Written: {folder / TABLE}")
