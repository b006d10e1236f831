"""Try again, politely: waits that grow, with jitter, never shorter than the server asks, and with an end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import numpy as np

from imagery.errors import InputError, UnreadableError
from imagery.sources.network.secret import redact

T = TypeVar("T")


class TransientError(Exception):
    """What may be over in a moment: a busy server, a broken connection, a cut-off answer.

    Attributes:
        wait_s: Seconds that the server asks to wait, None where it does not say.
    """

    def __init__(self, message: str, wait_s: float | None = None) -> None:
        super().__init__(redact(message))
        self.wait_s = wait_s


@dataclass(frozen=True)
class Patience:
    """How often is tried again, and how long is waited in between."""

    tries: int = 6
    """Attempts in all, at least 1."""
    first_s: float = 1.0
    """Longest wait after the first failure; it doubles with each further one."""
    longest_s: float = 120.0
    """Longest wait of all; a server that asks for more is given up."""

    def __post_init__(self) -> None:
        if self.tries < 1 or not 0 <= self.first_s <= self.longest_s:
            raise InputError(f"tries {self.tries}, waits {self.first_s} to {self.longest_s} s: impossible")

    def wait_s(self, failures: int, asked_s: float | None, rng: np.random.Generator) -> float:
        """Seconds to wait after so many failures (at least 1).

        Between half and all of the doubled wait, so that many clients do not come back together; what the
        server asks for is the least.
        """
        # The exponent is bounded: 2.0**1024 has no value.
        grown = min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, 60))
        return max(grown * rng.uniform(0.5, 1.0), asked_s or 0.0)


class Retry:
    """Calls an action until it succeeds or patience ends. May be shared by threads."""

    def __init__(
        self,
        rng: np.random.Generator,
        patience: Patience | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Make one.

        Args:
            rng: Where the jitter comes from.
            patience: How often and how long.
            sleep: Waits; tests put a list's ``append`` here.
        """
        self.patience = patience or Patience()
        self._rng = rng
        self._sleep = sleep

    def __call__(self, what: str, action: Callable[[], T]) -> T:
        """The action's result.

        Args:
            what: In words, for the error.
            action: Raises TransientError where trying again may help; any other error passes through.

        Raises:
            UnreadableError: Patience is at its end (``busy``); with the last error.
        """
        for failures in range(1, self.patience.tries + 1):
            try:
                return action()
            except TransientError as error:
                last = error
            wait_s = self.patience.wait_s(failures, last.wait_s, self._rng)
            if last.wait_s is not None and last.wait_s > self.patience.longest_s:
                raise UnreadableError(
                    f"{redact(what)}: {last}; the server asks to wait {last.wait_s:.0f} s: come back then",
                    "busy",
                ) from None
            if failures < self.patience.tries:
                self._sleep(wait_s)
        raise UnreadableError(
            f"{redact(what)}: given up after {self.patience.tries} tries: {last}", "busy"
        ) from None


def retry_after_s(text: str | None, now: Callable[[], datetime] | None = None) -> float | None:
    """Seconds named by a Retry-After header: a number, or a date; None for anything else.

    Args:
        text: The header's value.
        now: The clock, for dates.
    """
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            until = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        seconds = (until - (now() if now else datetime.now(UTC))).total_seconds()
    return max(seconds, 0.0) if np.isfinite(seconds) else None
