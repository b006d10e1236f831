"""A static STAC catalogue: JSON files that link to each other, in a folder or on a web server.

Nothing outside the folder of its root is ever opened; images may lie on other servers by their address.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from shapely.geometry import box

from imagery.errors import InputError, UnreadableError
from imagery.period import Period
from imagery.sources.catalogue import Access, Answer, Bbox
from imagery.sources.network.secret import redact
from imagery.sources.network.web import Web
from imagery.sources.offers import Gap, Offer, safe_href
from imagery.sources.translate import Dialect, translate
from imagery.textfile import read_text, short

MAX_DOCUMENTS = 50_000
"""Most files of one catalogue."""
MAX_BYTES = 64 * 2**20
"""Largest of them."""


class StaticCatalogue:
    """Items found by following ``child`` and ``item`` links from a root file."""

    def __init__(self, name: str, root: str | Path, dialects: Sequence[Dialect], web: Web) -> None:
        """Make one; nothing is read yet.

        Args:
            name: The provider's name in every record.
            root: Path or address of ``catalog.json``, ``collection.json`` or an item collection.
            dialects: Of its collections; items of others are passed over.
            web: The connection, where the root is an address.
        """
        self.name = name
        self._root = root.resolve() if isinstance(root, Path) else safe_href(root)
        self._dialects = {dialect.collection: dialect for dialect in dialects}
        self._web = web

    def search(self, bbox: Bbox, period: Period, sensors: Collection[str]) -> Iterator[Answer]:
        """See Catalogue.search. A file that cannot be read is a Gap of the whole period."""
        lon, area = (bbox[0] + bbox[2]) / 2, box(*bbox)
        todo = [str(self._root)]
        done: set[str] = set()
        while todo:
            place = todo.pop(0)
            if place in done:
                continue
            done.add(place)
            try:
                if len(done) > MAX_DOCUMENTS:
                    raise UnreadableError(f"{self._root}: more than {MAX_DOCUMENTS} files", "too-large")
                found = self._read(place)
                todo.extend(self._linked(found, place))
            except (UnreadableError, InputError) as error:
                yield Gap(self.name, "", "unknown", period, redact(error))
                continue
            for item in _items(found):
                yield from self._offered(item, place, lon, area, period, sensors)

    def _offered(
        self,
        item: Mapping[str, Any],
        place: str,
        lon: float,
        area: Any,
        period: Period,
        sensors: Collection[str],
    ) -> Iterator[Answer]:
        dialect = self._dialects.get(str(item.get("collection")))
        if dialect is None or dialect.sensor not in sensors:
            return
        answer = translate(item, dialect, lon, lambda asset: self._href(asset.get("href"), place))
        if answer.taken_at is not None and not period.contains(answer.taken_at):
            return
        if not isinstance(answer, Offer) or answer.footprint.intersects(area):
            yield answer

    def _read(self, place: str) -> Mapping[str, Any]:
        if isinstance(self._root, str):
            found = self._web.json(place)
        else:
            try:
                found = json.loads(read_text(Path(place), MAX_BYTES))
            except (ValueError, RecursionError) as error:
                raise UnreadableError(f"{place} is no JSON ({error})") from None
        if not isinstance(found, Mapping):
            raise UnreadableError(f"{place} is no STAC document")
        return found

    def _linked(self, document: Mapping[str, Any], place: str) -> list[str]:
        links = document.get("links")
        found = [link for link in links if isinstance(link, Mapping)] if isinstance(links, list) else []
        below = [link.get("href") for link in found if link.get("rel") in ("child", "item", "items")]
        return [self._document(href, place) for href in below]

    def _document(self, href: object, place: str) -> str:
        """A linked JSON file, which must lie below the root's own folder."""
        if isinstance(self._root, Path):
            return str(_inside(self._root.parent, Path(place).parent, href))
        found = safe_href(urljoin(place, href) if isinstance(href, str) else href)
        if not found.startswith(self._root.rpartition("/")[0] + "/"):
            raise InputError(f"{found} does not lie below {self._root}: it is not read")
        return found

    def _href(self, href: object, place: str) -> str:
        if isinstance(href, str) and "://" not in href:
            if isinstance(self._root, Path):
                return str(_inside(self._root.parent, Path(place).parent, href))
            href = urljoin(place, href)
        return safe_href(href)

    def access(self, href: str, renew: bool = False) -> Access:
        """See Catalogue.access."""
        return Access(f"/vsicurl/{href}" if "://" in href else href)


def _items(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if document.get("type") == "Feature":
        return [document]
    features = document.get("features")
    return [one for one in features if isinstance(one, Mapping)] if isinstance(features, list) else []


def _inside(folder: Path, base: Path, href: object) -> Path:
    """A file named by a relative path, links resolved, if it lies in the folder.

    Raises:
        InputError: It does not, or is not there.
    """
    if not isinstance(href, str) or not href.isprintable() or "\\" in href or href.startswith("/vsi"):
        raise InputError(f"href {short(href)} is no path")
    found = (base / href).resolve()
    if not found.is_relative_to(folder) or found.suffix.lower() == ".vrt" or not os.path.isfile(found):
        raise InputError(f"href {short(href)} names no file below {folder}: copy it into the folder")
    return found
