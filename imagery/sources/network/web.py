"""JSON over HTTP: bounded, tried again where that helps, and silent about credentials."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from imagery.errors import UnreadableError
from imagery.sources.network.retry import Retry, TransientError, retry_after_s
from imagery.sources.network.secret import Secret, bare_href, redact

MAX_ANSWER_BYTES = 64 * 2**20
"""A larger answer is none of a catalogue."""
TIMEOUT_S = (20.0, 90.0)
"""To connect, and between two pieces of an answer."""
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Status codes after which trying again may help."""


class Web:
    """A connection to one or more servers."""

    def __init__(
        self,
        retry: Retry,
        timeout_s: tuple[float, float] = TIMEOUT_S,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        """Make one.

        Args:
            retry: How failures are tried again.
            timeout_s: To connect, and between two pieces of an answer.
            now: The clock, for Retry-After headers that name a date.
        """
        self._retry = retry
        self._timeout_s = timeout_s
        self._now = now
        self._session = requests.Session()
        self._session.headers["User-Agent"] = "yardwatch"
        self._session.auth = no_login  # what a .netrc holds is not sent anywhere

    def json(
        self,
        url: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str | Secret] | None = None,
    ) -> Any:
        """What a server answers.

        Args:
            url: Where; without credentials in it.
            body: Sent by POST as JSON; GET without one.
            headers: With the request; secrets go on the wire and nowhere else.

        Raises:
            UnreadableError: Refused (``credentials`` for 401 and 403, else ``http``), too large, or still
                failing when patience ends (``busy``).
        """
        return self._retry(f"{bare_href(url)}", lambda: self._once(url, body, headers or {}))

    def _once(self, url: str, body: Mapping[str, Any] | None, headers: Mapping[str, str | Secret]) -> Any:
        plain = {k: v.reveal() if isinstance(v, Secret) else v for k, v in headers.items()}
        try:
            with self._session.request(
                "GET" if body is None else "POST",
                url,
                json=body,
                headers=plain,
                timeout=self._timeout_s,
                stream=True,
                allow_redirects=False,  # another server must not be handed the headers
            ) as answer:
                data = _bounded(answer)
                status, told = answer.status_code, answer.headers
        except (
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
            requests.exceptions.ContentDecodingError,
        ) as error:
            raise TransientError(_reason(error)) from None
        except requests.RequestException as error:
            raise UnreadableError(f"{bare_href(url)}: {redact(error)}", "http") from None
        if status in BUSY:
            raise TransientError(f"HTTP {status}", retry_after_s(told.get("Retry-After"), self._now))
        if status in (401, 403):
            raise UnreadableError(
                f"{bare_href(url)} answers {status}: set the credentials that it asks for, or renew them",
                "credentials",
            )
        if not 200 <= status < 300:
            text = redact(data[:300].decode("utf-8", "replace"))
            raise UnreadableError(f"{bare_href(url)} answers {status}: {' '.join(text.split())}", "http")
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            # Cut off, or a page of a proxy that is busy.
            raise TransientError(f"an answer of {len(data)} bytes that is no JSON") from None


def _reason(error: BaseException) -> str:
    """What went wrong at the bottom, such as a refused connection: the layers above repeat the address."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return f"{type(error).__name__}: {redact(error)[:200]}"


def same_server(url: str, other: str) -> bool:
    """Whether two addresses have scheme, host and port in common."""
    a, b = urlsplit(url), urlsplit(other)
    return (a.scheme, a.hostname, a.port) == (b.scheme, b.hostname, b.port)


def is_private(href: str) -> bool:
    """Whether an address names this machine or a private network, to which nobody outside should point."""
    host = urlsplit(href).hostname or ""
    try:
        return "://" in href and not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))


def _bounded(answer: requests.Response) -> bytes:
    data = bytearray()
    for piece in answer.iter_content(2**16):
        data += piece
        if len(data) > MAX_ANSWER_BYTES:
            raise UnreadableError(
                f"{bare_href(answer.url)} answers more than {MAX_ANSWER_BYTES // 2**20} MiB: "
                "ask for smaller pages",
                "too-large",
            )
    return bytes(data)


def no_login(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """What a session does in place of looking for a login."""
    return request
