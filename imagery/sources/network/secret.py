"""Credentials that cannot be printed, and texts from which they have been taken out."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import urlsplit, urlunsplit

HIDDEN = "***"

_ADDRESS = re.compile(r"""(?P<url>[a-z][a-z0-9+.-]*://[^\s'"<>?#]+)[?#][^\s'"<>]*""", re.IGNORECASE)
_USER = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)(?P<mark>://)[^\s/@'\"<>]+@", re.IGNORECASE)
_PAIR = re.compile(
    r"""(?P<key>(?:\bsig|[\w-]*(?:token|password|passwd|secret|signature|credential|api[_-]?key|access[_-]?key(?:id)?"""
    r"""|subscription-key)[\w-]*)["']?\s*[=:]\s*)(?P<quote>["']?)[^\s&,;"'}]+""",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"""(?P<key>\b(?:(?:proxy-)?authorization|ocp-apim-subscription-key|x-api-key|cookie)\b["']?\s*[:=]\s*)"""
    r"""[^\r\n}]+""",
    re.IGNORECASE,
)
_BEARER = re.compile(r"\b(?P<kind>bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE)


class Secret:
    """A credential: used through ``reveal``, never shown, compared, hashed, copied or stored."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The credential itself, to be handed to the wire and to nothing else."""
        return self.__value

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __repr__(self) -> str:
        return HIDDEN

    def __reduce__(self) -> NoReturn:
        raise TypeError("a credential is not written anywhere")

    # Equal secrets must not be told apart from unequal ones, and no digest may depend on one.
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return self is other


def from_environment(name: str, environ: Mapping[str, str] | None = None) -> Secret | None:
    """The credential in an environment variable, None where it is not set or empty."""
    value = (os.environ if environ is None else environ).get(name, "").strip()
    return Secret(value) if value else None


def bare_href(href: str) -> str:
    """An address without query, fragment and user: what may be stored, shown and hashed."""
    parts = urlsplit(href)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def redact(text: Any) -> str:
    """A message without what could be a credential: queries of addresses, users, tokens and header values."""
    found = _ADDRESS.sub(r"\g<url>?" + HIDDEN, str(text))
    found = _USER.sub(r"\g<scheme>\g<mark>" + HIDDEN + "@", found)
    found = _HEADER.sub(r"\g<key>" + HIDDEN, found)
    found = _BEARER.sub(r"\g<kind> " + HIDDEN, found)
    return _PAIR.sub(r"\g<key>\g<quote>" + HIDDEN, found)
