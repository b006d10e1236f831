"""The executor for more than one machine: workers of a Dask cluster, here or anywhere.

Workers read the images and keep what they finish under the same paths as the machine that started the run, so
both must lie on a disk that all of them see.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dask
from distributed import Client, LocalCluster, Worker, WorkerPlugin, as_completed, get_worker
from distributed.scheduler import KilledWorker

from evidence.execute.executor import AHEAD, Lost, T, cores
from imagery.errors import ConfigError
from imagery.scenes import Scene
from models.onecore import one_core_each

SETTINGS = {
    # A worker that is killed from outside is not the scene's fault; one that ends eight workers is given up.
    "distributed.scheduler.allowed-failures": 8,
    "distributed.worker.daemon": True,
    "distributed.comm.timeouts.connect": "30s",
}


@dataclass(frozen=True)
class Dask:
    """Looks at scenes in the workers of a scheduler, or of a cluster of processes on this machine."""

    scheduler: str | None = None
    """Address such as ``tcp://host:8786``; by default a cluster here, for as long as it is needed."""
    workers: int = 0
    """Processes of the cluster here; 0 for one a core."""
    memory: int | None = None
    """Bytes that one worker may take."""

    def each(
        self, task: Callable[[Scene], T], scenes: Sequence[Scene], done: Callable[[Scene], None]
    ) -> list[T | Lost]:
        """See Executor.each. A worker that ends is replaced by another, which does its scene again.

        Raises:
            ConfigError: The scheduler does not answer.
        """
        with dask.config.set(SETTINGS), self._client() as client:
            name = f"yardwatch-{uuid.uuid4().hex}"
            client.register_plugin(Holding(task), name=name)
            try:
                return answers(client, name, scenes, done)
            finally:
                client.unregister_worker_plugin(name)

    @contextmanager
    def _client(self) -> Iterator[Any]:
        if self.scheduler is None:
            limit = self.memory or 0  # 0: no ceiling
            with (
                LocalCluster(
                    n_workers=self.workers or cores(),
                    threads_per_worker=1,
                    memory_limit=limit,
                    dashboard_address=None,
                    silence_logs=50,  # the death of a worker is told by what becomes of its scene
                ) as cluster,
                Client(cluster) as client,
            ):
                yield client
            return
        try:
            client = Client(self.scheduler, timeout="30s")
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"no Dask scheduler at {self.scheduler} ({error}); start one with `dask scheduler`"
            ) from error
        with client:
            yield client


class Holding(WorkerPlugin):  # type: ignore[misc]
    """Gives the task to every worker once, also to those that come later."""

    def __init__(self, task: Callable[[Scene], Any]) -> None:
        self.task = task

    def setup(self, worker: Worker) -> None:
        """Called in each worker when it gets the task."""
        self._one_core = one_core_each()
        self._one_core.__enter__()

    def teardown(self, worker: Worker) -> None:
        """Called when the run ends."""
        self._one_core.__exit__(None, None, None)


def _in_worker(name: str, scene: Scene) -> Any:
    return get_worker().plugins[name].task(scene)


def answers(client: Any, name: str, scenes: Sequence[Scene], done: Callable[[Scene], None]) -> list[Any]:
    """Hand out a few scenes for each worker there is, and another for each that comes back."""
    waiting = deque(enumerate(scenes))
    answers: dict[int, Any] = {}
    index_of: dict[str, int] = {}
    coming = as_completed()

    def hand_out(most: int) -> None:
        while waiting and len(index_of) < most:
            index, scene = waiting.popleft()
            future = client.submit(_in_worker, name, scene, key=f"{name}-{index}", pure=False)
            index_of[future.key] = index
            coming.add(future)

    hand_out(AHEAD * max(1, sum(client.nthreads().values())))
    for future in coming:
        index = index_of.pop(future.key)
        try:
            answers[index] = future.result()
        except KilledWorker as error:
            answers[index] = Lost(f"every worker that took it ended ({error.allowed_failures + 1} did)")
        done(scenes[index])
        hand_out(AHEAD * max(1, sum(client.nthreads().values())))
    return [answers[index] for index in range(len(scenes))]
