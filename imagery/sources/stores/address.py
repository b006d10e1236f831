"""A URL that the user has named: what may be shown of it, and the path that stands for it on a disk.

Only what a user writes comes here. Nothing that lies in an image, an Item or a delivery is ever read as one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from imagery.errors import InputError
from imagery.sources.network.secret import Secret, redact

BUCKETS = ("s3", "gs", "az")
"""Object stores: they can be listed and written to."""
WEB = ("http", "https")
"""Web servers: one file a URL."""
_TOPS = frozenset(f"{scheme}:" for scheme in (*BUCKETS, *WEB))
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_PLACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(:\d{1,5})?")
_LONGEST = 200  # bytes of one part of a name, with room for the ending of what is half-written


@dataclass(frozen=True)
class Address:
    """An object, a prefix of objects, or a file of a web server."""

    scheme: str
    """One of BUCKETS or WEB."""
    place: str
    """Bucket, container, or host with its port."""
    path: str
    """Below it, without slashes at its ends; empty for a whole bucket."""
    query: Secret | None = field(default=None, compare=False)
    """What stood behind a question mark: it may be a signature, so it goes on the wire and nowhere else."""

    @property
    def bare(self) -> str:
        """The URL without its query."""
        return f"{self.scheme}://{self.place}/{self.path}".rstrip("/")

    @property
    def name(self) -> PurePosixPath:
        """The URL as a path, ``s3:/bucket/tiles``: paths know no double slash."""
        return PurePosixPath(f"{self.scheme}:", self.place, self.path)

    def child(self, name: str) -> Address:
        """An address further down."""
        return Address(self.scheme, self.place, f"{self.path}/{name}".strip("/"))


def is_url(text: object) -> bool:
    """Whether a text is meant as a URL and not as a path."""
    return isinstance(text, str) and _URL.match(text) is not None


def parse(text: str) -> Address:
    """Read a URL.

    Raises:
        InputError: It is of another kind, holds a user or password, or no file could be called so. The
            message shows nothing that may be a credential.
    """
    shown = redact(text)
    try:
        parts = urlsplit(text)
    except ValueError:
        raise InputError(f"{shown} is no URL") from None
    scheme = parts.scheme.lower()
    if scheme not in (*BUCKETS, *WEB):
        known = ", ".join(f"{one}://" for one in (*BUCKETS, *WEB))
        raise InputError(f"{shown}: URLs may begin with {known}")
    if "@" in parts.netloc:
        raise InputError(f"{shown} holds a user: take it out; credentials belong into the environment")
    path = parts.path.strip("/")
    bucket = scheme in BUCKETS
    if (
        not _PLACE.fullmatch(parts.netloc)
        or parts.fragment
        or (bucket and (parts.query or ":" in parts.netloc))
    ):
        raise InputError(f"{shown}: write {scheme}://{'bucket/folder' if bucket else 'host/image.tif'}")
    if not bucket and not path:
        raise InputError(f"{shown} names no file: web servers list none, so give the URL of each image")
    if path:
        check_name(path, shown)
    return Address(scheme, parts.netloc, path, Secret(parts.query) if parts.query else None)


def check_name(name: str, where: str) -> None:
    """Make sure that a name leads straight down and that a file can be called so.

    Raises:
        InputError: It does not.
    """
    for part in name.split("/"):
        if part in ("", ".", "..") or not part.isprintable() or len(part.encode()) > _LONGEST:
            raise InputError(f"{where}: {name!r} cannot be the path of a file: rename that object")


def root_of(path: Path) -> Path | None:
    """The folder in which a brought object's name begins; None for a path that is none of one."""
    for index, part in enumerate(path.parts):
        if part in _TOPS:
            return Path(*path.parts[:index])
    return None


def is_name(name: str) -> bool:
    """Whether a path is an object's, told from its root."""
    return name.partition("/")[0] in _TOPS


def as_url(name: str) -> str:
    """An object's name as the URL that it stands for; another path as it is."""
    return name.replace(":/", "://", 1) if is_name(name) else name
