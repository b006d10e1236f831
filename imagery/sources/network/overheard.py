"""What GDAL hears from a server and keeps to itself: the status of each answer, and Retry-After.

GDAL 3.10 calls a refused range an unknown file format, asks for it again at once, and has no use for
Retry-After. Its debug lines of incoming headers tell both. They are read here, and the thread that hears
Retry-After waits on the spot, so that GDAL's next request comes when the server wants it. Where another GDAL
says nothing, who reads still waits longer after each failure.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from imagery.sources.network.retry import retry_after_s
from imagery.sources.network.web import BUSY

_CATEGORY = "CURL_INFO_HEADER_IN"
SPEAK_UP: Mapping[str, str] = MappingProxyType({"CPL_CURL_VERBOSE": "YES", "CPL_DEBUG": _CATEGORY})
"""GDAL's options for it. No other category: those of requests show signed addresses."""


class Heard:
    """What the answers of one attempt said."""

    def __init__(self, hold: Callable[[float], None], longest_s: float) -> None:
        """Nothing yet.

        Args:
            hold: Waits so many seconds.
            longest_s: Longest wait; a server that asks for more is left alone for now.
        """
        self.status = 0
        """HTTP status of the last refusal, 0 without one."""
        self.wait_s: float | None = None
        """Seconds that the server asks to wait, where that is too long."""
        self._hold = hold
        self._longest_s = longest_s
        self._refused = False

    def line(self, text: str) -> None:
        """Take in one line of an answer's head."""
        name, _, value = text.partition(":")
        if text.startswith("HTTP/"):
            code = text.split()[1] if len(text.split()) > 1 else ""
            self._refused = code.isdigit() and int(code) >= 400
            self.status = int(code) if self._refused else self.status
        elif name.strip().lower() == "retry-after" and self._refused and self.status in BUSY:
            asked_s = retry_after_s(value.strip())
            if asked_s is not None and asked_s <= self._longest_s:
                self._hold(asked_s)
            else:
                self.wait_s = asked_s


class _Ear(logging.Filter):
    """Takes GDAL's lines out of rasterio's logs and hands them to whoever listens in this thread."""

    def __init__(self) -> None:
        super().__init__()
        self.listening = threading.local()
        self._lock = threading.Lock()
        self._least: dict[str, int] = {}

    def open(self) -> None:
        """Let rasterio log everything, of which nothing more is passed on than before."""
        with self._lock:
            for name in () if self._least else ("rasterio._env", "rasterio._err"):
                logger = logging.getLogger(name)
                self._least[name] = logger.getEffectiveLevel()
                logger.setLevel(logging.DEBUG)
                logger.addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        _, mark, text = record.getMessage().partition(f"{_CATEGORY}: ")
        if not mark:
            return record.levelno >= self._least[record.name]
        heard: Heard | None = getattr(self.listening, "heard", None)
        if heard is not None:
            heard.line(text.strip())
        return False


_EAR = _Ear()


@contextmanager
def listening(hold: Callable[[float], None], longest_s: float) -> Iterator[Heard]:
    """Listen to the answers that GDAL gets in this thread; open with the options SPEAK_UP.

    Args:
        hold: Waits so many seconds, as the server asks.
        longest_s: Longest wait.
    """
    _EAR.open()
    heard = Heard(hold, longest_s)
    _EAR.listening.heard = heard
    try:
        yield heard
    finally:
        _EAR.listening.heard = None
