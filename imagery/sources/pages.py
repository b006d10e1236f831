"""Pages of a STAC search, one after another to the very end, or an error that says where it stopped.

pystac-client forms the request but does not walk the pages: its iterator takes an empty page for the last one
even where that page links on, cannot go on after an error, and writes request headers into the debug log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

from pystac_client.item_search import ItemSearch

from imagery.errors import UnreadableError
from imagery.period import Period
from imagery.sources.network.secret import Secret, bare_href
from imagery.sources.network.web import Web, same_server

MAX_PAGES = 2_000
"""More pages of one search are a server that goes round in circles."""


def pages(
    web: Web,
    search_url: str,
    collection: str,
    bbox: tuple[float, float, float, float],
    period: Period,
    headers: Mapping[str, Secret],
    limit: int = 100,
) -> Iterator[list[Any]]:
    """Features of each page of a search by POST.

    A page that fails is asked for again, it alone, as often as ``web`` has patience.

    Args:
        web: The connection.
        search_url: The API's search.
        collection: Searched collection.
        bbox: West, south, east, north in degrees.
        period: UTC days.
        headers: With every request.
        limit: Features a page.

    Raises:
        UnreadableError: A page cannot be had, is no page, or leads to another server or in circles.
    """
    asked = ItemSearch(
        search_url,
        method="POST",
        max_items=None,
        limit=limit,
        bbox=bbox,
        datetime=f"{period.start}T00:00:00Z/{period.end}T00:00:00Z",
        collections=[collection],
    ).get_parameters()
    url, body = search_url, dict(asked)
    seen: list[tuple[str, Any]] = []
    while True:
        if (url, body) in seen or len(seen) == MAX_PAGES:
            raise UnreadableError(
                f"{bare_href(search_url)}: page {len(seen) + 1} leads back to one before", "http"
            )
        seen.append((url, body))
        page = web.json(url, body, headers)
        features = page.get("features") if isinstance(page, Mapping) else None
        if not isinstance(features, list):
            raise UnreadableError(f"{bare_href(url)}: page {len(seen)} is no feature collection", "http")
        yield features
        link = next_link(page)
        if link is None:
            return
        url, body = follow(link, search_url, asked)


def next_link(page: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The link to the page after this one, None on the last."""
    links = page.get("links")
    found = [link for link in links if isinstance(link, Mapping)] if isinstance(links, list) else []
    return next((link for link in found if link.get("rel") == "next"), None)


def follow(link: Mapping[str, Any], search_url: str, asked: Mapping[str, Any]) -> tuple[str, Any]:
    """Address and body of the request that a link stands for.

    With ``merge: false``, which is the default, the link's body is the whole request; with ``merge: true`` it
    is laid over the first request.

    Raises:
        UnreadableError: It leads to another server, which must not see the headers.
    """
    url = urljoin(search_url, str(link.get("href", "")))
    if not same_server(url, search_url):
        raise UnreadableError(
            f"the next page lies at {bare_href(url)}, another server than the first", "http"
        )
    if str(link.get("method", "GET")).upper() != "POST":
        return url, None
    body = link.get("body")
    own = dict(body) if isinstance(body, Mapping) else {}
    return url, {**asked, **own} if link.get("merge") is True else own
