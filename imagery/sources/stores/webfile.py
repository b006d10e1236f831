"""One file of a web server. By requests: obstore follows redirects unseen, and may not be installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from imagery.errors import UnreadableError
from imagery.sources.network.secret import redact
from imagery.sources.network.web import BUSY, TIMEOUT_S, is_private, no_login
from imagery.sources.stores.address import Address
from imagery.sources.stores.source import Stored

_REDIRECTS = 5
_TRIES = Retry(5, backoff_factor=0.5, status_forcelist=BUSY, raise_on_status=False)


class WebFile:
    """A file by its URL."""

    def __init__(self, address: Address) -> None:
        """Make one; nothing is asked yet."""
        self.address = address
        self._session = requests.Session()
        self._session.headers.update({"User-Agent": "yardwatch", "Accept-Encoding": "identity"})
        self._session.auth = no_login  # what a .netrc holds is not sent anywhere
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=_TRIES))

    def objects(self) -> Iterator[Stored]:
        """See Source.objects: asked by GET, since a signed URL is good for nothing else."""
        with self._answer() as answer:
            length = answer.headers.get("Content-Length", "")
            version = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
            yield Stored(self.address, int(length) if length.isdecimal() else None, version)

    def read(self, stored: Stored) -> Iterator[bytes]:
        """See Source.read."""
        with self._answer() as answer:
            version = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
            if version != stored.version:
                raise UnreadableError(
                    f"{self.address.bare} was changed while it was read: start again", "changed"
                )
            yield from answer.iter_content(2**20)

    @contextmanager
    def _answer(self) -> Iterator[requests.Response]:
        query = f"?{self.address.query.reveal()}" if self.address.query else ""
        try:
            with self._followed(self.address.bare + query) as answer:
                if answer.status_code != 200:
                    hint = "; is the URL signed, and still good?" if answer.status_code in (401, 403) else ""
                    raise UnreadableError(f"{self.address.bare} answers {answer.status_code}{hint}", "http")
                yield answer
        except requests.RequestException as error:
            raise UnreadableError(f"{self.address.bare}: {redact(error)[:300]}", "http") from None

    def _followed(self, url: str) -> requests.Response:
        """The answer of the server, or of that to which it sends on: never from the open into the private."""
        at = url
        for _ in range(_REDIRECTS):
            answer = self._session.get(at, stream=True, timeout=TIMEOUT_S, allow_redirects=False)
            if not answer.is_redirect:
                return answer
            answer.close()
            to = urljoin(at, answer.headers["Location"])
            if urlsplit(to).scheme not in ("https", urlsplit(at).scheme) or is_private(to) > is_private(url):
                raise UnreadableError(
                    f"{self.address.bare} sends on to where it must not: {redact(to)}", "http"
                )
            at = to
        raise UnreadableError(f"{self.address.bare} sends on more than {_REDIRECTS} times", "http")
