"""The review in a browser, for this machine's own user alone.

It listens on loopback only; every address holds a random token; requests that name another host are refused,
so that no page on the web can reach it under a name of its own (DNS rebinding), and what changes something
must come as JSON from this very page.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any

from pydantic import ValidationError

from evidence.review.desk import Desk, Wish
from imagery.errors import YardwatchError

MAX_BODY_BYTES = 4096
STATIC = {"": ("review.html", "text/html"), "review.css": ("review.css", "text/css")} | {
    "review.js": ("review.js", "text/javascript")
}
OWN = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
APART = "sandbox allow-scripts allow-popups"
"""The report is shown with an origin of its own: nothing in it can mark a box."""
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Server(ThreadingHTTPServer):
    """One desk, served on loopback."""

    daemon_threads = True

    def __init__(self, desk: Desk, port: int = 0) -> None:
        """Listen, on any free port where it is 0."""
        self.desk = desk
        self.token = secrets.token_urlsafe(24)
        super().__init__(("127.0.0.1", port), Handler)
        self.hosts = {f"{name}:{self.server_port}" for name in ("127.0.0.1", "localhost")}

    @property
    def url(self) -> str:
        """What to open."""
        return f"http://127.0.0.1:{self.server_port}/{self.token}/"


class Handler(BaseHTTPRequestHandler):
    """Answers one request; anything not asked for here is not found."""

    server: Server
    timeout = 20
    server_version = "yardwatch"
    sys_version = ""

    def do_GET(self) -> None:
        """Pages, pictures and states."""
        if (route := self._route()) is None:
            return
        desk = self.server.desk
        if route in STATIC:
            name, kind = STATIC[route]
            self._send(files("evidence.report").joinpath(name).read_bytes(), f"{kind}; charset=utf-8", OWN)
        elif route == "report":
            self._send(desk.page(), "text/html; charset=utf-8", APART)
        elif route == "overview":
            self._answer(desk.overview)
        elif (number := _number(route, "image/")) is not None:
            self._answer(partial(desk.image, number))
        elif (number := _number(route, "picture/")) is not None:
            self._answer(partial(desk.picture, number), "image/webp")
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """One mark on one image."""
        if (route := self._route()) is None:
            return
        number = _number(route, "image/")
        length = self.headers.get("Content-Length", "")
        if number is None:
            self._refuse(HTTPStatus.NOT_FOUND)
        elif self.headers.get("Content-Type") != "application/json":
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        elif self.headers.get("Origin", self._origin()) != self._origin():
            self._refuse(HTTPStatus.FORBIDDEN)
        elif not (length.isascii() and length.isdigit() and int(length) <= MAX_BODY_BYTES):
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            body = self.rfile.read(int(length))
            self._answer(lambda: self.server.desk.say(number, Wish.model_validate_json(body)))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: addresses hold the token."""

    def _origin(self) -> str:
        return f"http://{self.headers['Host']}"

    def _route(self) -> str | None:
        """What stands behind the token; None where the request was refused."""
        if self.headers.get("Host") not in self.server.hosts:
            self._refuse(HTTPStatus.FORBIDDEN)
            return None
        token, _, route = self.path.removeprefix("/").partition("/")
        if not secrets.compare_digest(token.encode(), self.server.token.encode()):
            self._refuse(HTTPStatus.NOT_FOUND)
            return None
        return route

    def _answer(self, made: Callable[[], Any], kind: str = "application/json") -> None:
        try:
            value = made()
        except (YardwatchError, ValidationError) as error:
            text = str(error) if isinstance(error, YardwatchError) else "this is no mark"
            data = json.dumps({"error": text}).encode()
            self._send(data, "application/json", status=HTTPStatus.BAD_REQUEST)
            return
        self._send(value if isinstance(value, bytes) else json.dumps(value, allow_nan=False).encode(), kind)

    def _refuse(self, status: HTTPStatus) -> None:
        self.close_connection = True
        self._send(status.phrase.encode(), "text/plain; charset=utf-8", status=status)

    def _send(
        self, data: bytes, kind: str, policy: str = "default-src 'none'", status: HTTPStatus = HTTPStatus.OK
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Security-Policy", policy)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


def _number(route: str, prefix: str) -> int | None:
    digits = route.removeprefix(prefix)
    return (
        int(digits) if route != digits and digits.isascii() and digits.isdigit() and len(digits) < 8 else None
    )
