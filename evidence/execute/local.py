"""The default executor: threads of this process. Readers, arrays and nets all let go of Python's lock."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from evidence.execute.executor import AHEAD, Lost, T, cores
from imagery.errors import ConfigError
from imagery.scenes import Scene
from models.onecore import one_core_each


@dataclass(frozen=True)
class Threads:
    """Looks at scenes in threads, each with files of its own."""

    workers: int = 0
    """How many threads; 0 for one a core."""
    memory: int | None = None
    """Bytes that this process may take."""

    def __post_init__(self) -> None:
        if self.workers < 0:
            raise ConfigError(f"{self.workers} workers: give one or more, or 0 for one a core")

    def each(
        self, task: Callable[[Scene], T], scenes: Sequence[Scene], done: Callable[[Scene], None]
    ) -> list[T | Lost]:
        """See Executor.each. When it is interrupted, scenes in hand are finished and the rest let go."""
        workers = min(self.workers or cores(), max(1, len(scenes)))
        with one_core_each():
            if workers == 1:
                return [_one(task, scene, done) for scene in scenes]
            # Rasterio silences this warning thread by thread, but all threads share one list of filters.
            with warnings.catch_warnings(), ThreadPoolExecutor(workers, "scene") as pool:
                warnings.filterwarnings("ignore", message="Dataset has no geotransform")
                try:
                    return _side_by_side(pool, workers * AHEAD, task, scenes, done)
                except BaseException:
                    pool.shutdown(cancel_futures=True)
                    raise


def _one(task: Callable[[Scene], T], scene: Scene, done: Callable[[Scene], None]) -> T:
    answer = task(scene)
    done(scene)
    return answer


def _side_by_side(
    pool: ThreadPoolExecutor,
    most: int,
    task: Callable[[Scene], T],
    scenes: Sequence[Scene],
    done: Callable[[Scene], None],
) -> list[T | Lost]:
    waiting = deque(enumerate(scenes))
    in_hand: dict[Future[T], int] = {}
    answers: dict[int, T] = {}
    while waiting or in_hand:
        while waiting and len(in_hand) < most:
            index, scene = waiting.popleft()
            in_hand[pool.submit(task, scene)] = index
        for future in wait(in_hand, return_when=FIRST_COMPLETED).done:
            index = in_hand.pop(future)
            answers[index] = future.result()
            done(scenes[index])
    return [answers[index] for index in range(len(scenes))]


LOCAL = Threads()
"""One thread a core, without a ceiling."""
