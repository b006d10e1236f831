"""Errors that tell the user what was wrong, with the value, and what to do."""


class YardwatchError(Exception):
    """Root of every error that yardwatch raises on purpose."""


class InputError(YardwatchError, ValueError):
    """A file, folder or value from outside cannot be used as it is."""


class UnreadableError(YardwatchError, OSError):
    """A raster or table could not be opened or read to its end.

    Attributes:
        reason: A short slug for the ledger of skips, such as ``unreadable`` or ``no-date``.
    """

    def __init__(self, message: str, reason: str = "unreadable") -> None:
        super().__init__(message)
        self.reason = reason


class ConfigError(YardwatchError, ValueError):
    """A configuration holds an unknown key or an impossible value."""
