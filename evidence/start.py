"""Where the command begins: Ctrl-C ends it quietly from the first line on, while the rest still loads."""

from __future__ import annotations

import os
import signal
from types import FrameType

STOPPED = 130
"""Exit code after Ctrl-C, as shells have it."""


def _leave(number: int, frame: FrameType | None) -> None:
    """Nothing is under way yet, or all is done."""
    os._exit(STOPPED)


HEEDED = signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""Not so where whoever started the command wants it to run on, as nohup does."""
if HEEDED:
    signal.signal(signal.SIGINT, _leave)

from evidence.cli import app  # noqa: E402


def main() -> None:
    """Run the command; from here on what was finished is kept and told, see evidence.cli.terminal."""
    if not HEEDED:
        app()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        app()
    except KeyboardInterrupt:  # before a command has begun
        os._exit(STOPPED)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a moment before the end it would only break it
