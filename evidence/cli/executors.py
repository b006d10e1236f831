"""Options of every command that looks at scenes: where, with how many workers, in how much memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from evidence.execute.executor import Executor

Where = Annotated[str, typer.Option("--executor", help="local (threads) or dask (processes, machines).")]
Scheduler = Annotated[
    str | None, typer.Option(help="Dask scheduler, such as tcp://host:8786; by default a cluster here.")
]
Workers = Annotated[int, typer.Option(help="Threads, or processes with dask; 0 for one a core.")]
Memory = Annotated[
    str | None,
    typer.Option(help="Ceiling such as 4GiB; of each worker where a scheduler is given."),
]


def chosen(where: str, scheduler: str | None, workers: int, memory: str | None) -> Executor:
    """The executor that the options ask for.

    Raises:
        ConfigError: They contradict each other, or Dask is not installed.
    """
    from evidence.execute.executor import cores
    from evidence.execute.local import Threads
    from evidence.execute.memory import parse_bytes
    from imagery.errors import ConfigError

    limit = parse_bytes(memory) if memory else None
    if where == "local":
        if scheduler:
            raise ConfigError(f"--scheduler {scheduler} needs --executor dask")
        return Threads(workers, limit)
    if where != "dask":
        raise ConfigError(f"--executor {where!r}: there are local and dask")
    try:
        from evidence.execute.cluster import Dask
    except ImportError as error:
        raise ConfigError(
            f"--executor dask needs dask.distributed ({error}): pip install 'yardwatch[dask]'"
        ) from error
    if scheduler or limit is None:
        return Dask(scheduler, workers, limit)
    # This process takes a share of its own: it holds what all of them found.
    count = workers or cores()
    return Dask(None, count, limit // (count + 1))
