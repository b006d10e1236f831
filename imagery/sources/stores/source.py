"""What objects can be had from: the border between the cache and whoever speaks to a server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from imagery.errors import InputError
from imagery.sources.stores.address import Address


@dataclass(frozen=True)
class Stored:
    """One object as its store lists it."""

    address: Address
    """Its URL."""
    size: int | None
    """Bytes; None where the server does not say."""
    version: str
    """Entity tag, else time of change: another one means other bytes. Empty where the server says nothing."""


class Source(Protocol):
    """One URL that the user has named."""

    def objects(self) -> Iterator[Stored]:
        """What lies there, one by one."""
        ...

    def read(self, stored: Stored) -> Iterator[bytes]:
        """Its bytes, in pieces; those of the version that was listed, or an error."""
        ...


@dataclass(frozen=True)
class Bounds:
    """How much is brought at most."""

    objects: int = 20_000
    """Objects."""
    bytes: int = 20 * 2**30
    """Bytes of all of them."""

    def check(self, count: int, size: int) -> None:
        """Hold figures against the bounds.

        Raises:
            InputError: There is more.
        """
        if count > self.objects:
            raise InputError(
                f"more than {self.objects} objects: name a folder further down, or raise --most-objects"
            )
        if size > self.bytes:
            raise InputError(
                f"more than {self.bytes / 2**30:.2f} GiB ({size / 2**30:.2f} in the first {count} objects): "
                "name a folder further down, or raise --most-bytes"
            )
