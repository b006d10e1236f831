"""What an executor is: it hands scenes to a task, a bounded number at a time, and gives every answer back."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from imagery.scenes import Scene

T = TypeVar("T")

AHEAD = 2
"""Scenes in hand for each worker: one being looked at, one waiting. More would only take memory."""


@dataclass(frozen=True)
class Lost:
    """A scene that ended every worker that took it: there is no answer."""

    why: str
    """What happened, in one sentence."""


class Executor(Protocol):
    """Runs a task over scenes. Whichever executor it is, the answers are the same, bit for bit."""

    @property
    def memory(self) -> int | None:
        """Bytes that one process of it may take; None without a ceiling."""
        ...

    def each(
        self, task: Callable[[Scene], T], scenes: Sequence[Scene], done: Callable[[Scene], None]
    ) -> list[T | Lost]:
        """Answers in the order of the scenes.

        Args:
            task: Looks at one scene. It may be called by several threads or, pickled, in other processes.
            scenes: What to look at.
            done: Told of each scene when its answer is there, in the calling thread.

        Returns:
            What the task gave for each scene.
        """
        ...


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))
