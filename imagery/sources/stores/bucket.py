"""Buckets of S3, Google Cloud Storage and Azure, by obstore. Credentials are those of the environment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import from_url

from imagery.errors import UnreadableError
from imagery.sources.network.secret import redact
from imagery.sources.stores.address import Address
from imagery.sources.stores.source import Stored

Tag = dict[str, str]
"""What names one version of an object, for a write that must replace just that one."""
_CLIENT: Any = {
    "allow_http": True,  # endpoints come from the environment alone, and one at home may have no TLS
    "connect_timeout": "10s",
    "read_timeout": "60s",
    "timeout": "6h",
    "user_agent": "yardwatch",
}
_RETRY: Any = {"max_retries": 5}
_REFUSED = re.compile(r"\b40[13]\b|credential|169\.254\.169\.254|metadata\.google", re.IGNORECASE)
"""In errors of a store that does not know who asks; machines in a cloud ask the last two for a role."""


class Taken(Exception):
    """A write that was to replace one version, or none, met another."""


class Bucket:
    """A place in a bucket: an object, or all that lies below a prefix."""

    def __init__(self, address: Address, store: Any = None) -> None:
        """Make one; nothing is asked yet.

        Args:
            address: Where.
            store: An obstore store; by default that of the address, with the environment's credentials.

        Raises:
            UnreadableError: The environment's settings make no sense.
        """
        self.address = address
        with _told(address):
            where = f"{address.scheme}://{address.place}"
            self._store = store or from_url(where, client_options=_CLIENT, retry_config=_RETRY)

    def below(self, name: str) -> Bucket:
        """A place further down."""
        return Bucket(self.address.child(name), self._store)

    def objects(self) -> Iterator[Stored]:
        """See Source.objects: the object of this name, or else those below it, in no order."""
        with _told(self.address):
            alone = self._head(self.address.path)
            if alone:
                yield self._stored(alone)
                return
            for page in obstore.list(self._store, self.address.path or None, chunk_size=1000):
                for one in page:
                    if one["size"] or not one["path"].endswith("/"):
                        yield self._stored(one)

    def read(self, stored: Stored) -> Iterator[bytes]:
        """See Source.read."""
        with _told(stored.address):
            options: Any = {"if_match": stored.version} if stored.version else None
            yield from obstore.get(self._store, stored.address.path, options=options).stream(2**20)

    def has(self, name: str) -> bool:
        """Whether there is an object of this name below."""
        with _told(self.address):
            return self._head(self.address.child(name).path) is not None

    def put(self, name: str, path: Path) -> None:
        """Write a file's bytes under a name below; the object is whole or not there."""
        with _told(self.address):
            obstore.put(self._store, self.address.child(name).path, path)

    def swap(self, name: str, data: bytes, old: Tag | None) -> Tag:
        """Write where nothing lies (``old`` None), or where just that version does.

        Returns:
            What names the new version.

        Raises:
            Taken: Something else lies there.
        """
        mode: Any = old or "create"
        with _told(self.address):
            try:
                made: Any = obstore.put(self._store, self.address.child(name).path, data, mode=mode)
            except (AlreadyExistsError, PreconditionError, FileNotFoundError):
                raise Taken(name) from None
            return _tag(made)

    def look(self, name: str) -> tuple[bytes, Tag] | None:
        """A small object and what names its version; None where there is none."""
        with _told(self.address):
            try:
                got = obstore.get(self._store, self.address.child(name).path)
                return bytes(got.bytes()), _tag(got.meta)
            except FileNotFoundError:
                return None

    def remove(self, name: str) -> None:
        """Take an object away."""
        with _told(self.address):
            obstore.delete(self._store, self.address.child(name).path)

    def _head(self, path: str) -> Any:
        if not path:
            return None
        try:
            return obstore.head(self._store, path)
        except FileNotFoundError:
            return None

    def _stored(self, meta: Any) -> Stored:
        address = Address(self.address.scheme, self.address.place, meta["path"])
        return Stored(address, meta["size"], meta["e_tag"] or meta["last_modified"].isoformat())


def _tag(meta: Any) -> Tag:
    return {key: meta[key] for key in ("e_tag", "version") if meta[key]}


@contextmanager
def _told(address: Address) -> Iterator[None]:
    """The library's errors in a sentence; they show whole requests, so credentials are taken out."""
    try:
        yield
    except FileNotFoundError:
        raise UnreadableError(f"{address.bare} is not there (any more)", "not-found") from None
    except PreconditionError:
        raise UnreadableError(
            f"{address.bare} was changed while it was read: start again", "changed"
        ) from None
    except (BaseError, ValueError, OSError) as error:
        if isinstance(error, UnreadableError):
            raise
        text = " ".join(redact(str(error).partition("Debug source")[0]).split())[:300]
        hint = "; are its credentials in the environment (docs/stores.md)?" if _REFUSED.search(text) else ""
        raise UnreadableError(f"{address.bare}: {text}{hint}", "store") from None
