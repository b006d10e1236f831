"""A STAC API as a Catalogue: one Dialect a collection, searched year by year."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from imagery.errors import UnreadableError
from imagery.period import Period
from imagery.sources.catalogue import Access, Answer, Bbox
from imagery.sources.network.secret import Secret, redact
from imagery.sources.network.web import Web
from imagery.sources.offers import Gap, Refusal, safe_href
from imagery.sources.pages import pages
from imagery.sources.translate import Dialect, translate

SENTINEL_2_COMMON = {
    "coastal": "B01",
    "blue": "B02",
    "green": "B03",
    "red": "B04",
    "rededge1": "B05",
    "rededge2": "B06",
    "rededge3": "B07",
    "nir": "B08",
    "nir08": "B8A",
    "nir09": "B09",
    "swir16": "B11",
    "swir22": "B12",
    "scl": "SCL",
    "cloud": "CLD",
}
"""Asset keys of Earth Search and its kind."""
SENTINEL_2_PLAIN = {
    name: name for name in [f"B{i:02d}" for i in (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12)] + ["B8A", "SCL"]
}
"""Asset keys that are the bands' own names."""
POLARISATIONS = {key.lower(): key for key in ("VV", "VH", "HH", "HV")}
"""Asset keys of Sentinel-1."""


class StacApi:
    """A STAC API. Providers derive from it where their files need signing or lie in unusual places."""

    def __init__(
        self,
        name: str,
        url: str,
        dialects: Sequence[Dialect],
        web: Web,
        headers: Mapping[str, Secret] | None = None,
        page_items: int = 100,
    ) -> None:
        """Make one; nothing is asked yet.

        Args:
            name: The provider's name in every record.
            url: Root of the API, without a slash at its end.
            dialects: Of the collections that are searched.
            web: The connection for searching.
            headers: With every request to the API, and to no other server.
            page_items: Most items of a page.
        """
        self.name = name
        self.url = url.rstrip("/")
        self.dialects = tuple(dialects)
        self.web = web
        self.headers = dict(headers or {})
        self.page_items = page_items

    def search(self, bbox: Bbox, period: Period, sensors: Collection[str]) -> Iterator[Answer]:
        """See Catalogue.search. A year whose search fails is a Gap; the next is asked all the same."""
        lon = (bbox[0] + bbox[2]) / 2
        for dialect in self.dialects:
            if dialect.sensor in sensors:
                for span in years(period):
                    yield from self._search(dialect, bbox, span, lon)

    def _search(self, dialect: Dialect, bbox: Bbox, span: Period, lon: float) -> Iterator[Answer]:
        lacking = self.lacking(dialect)
        if lacking:
            yield Gap(self.name, dialect.collection, dialect.sensor, span, lacking)
            return
        seen: set[str] = set()
        try:
            for features in pages(
                self.web, f"{self.url}/search", dialect.collection, bbox, span, self.headers, self.page_items
            ):
                for item in features:
                    answer = translate(item, dialect, lon, self.address(dialect))
                    # Servers repeat items where the catalogue grows while it is paged through.
                    inside = answer.taken_at is None or span.contains(answer.taken_at)
                    if inside and answer.id not in seen:
                        if not isinstance(answer, Refusal):
                            seen.add(answer.id)
                        yield answer
        except UnreadableError as error:
            yield Gap(self.name, dialect.collection, dialect.sensor, span, redact(error))

    def lacking(self, dialect: Dialect) -> str:
        """Why a collection cannot be used here, such as a key that is not set; empty where it can."""
        return ""

    def address(self, dialect: Dialect) -> Callable[[Mapping[str, Any]], str]:
        """How the href of one of its assets is checked."""
        return lambda asset: safe_href(asset.get("href"))

    def access(self, href: str, renew: bool = False) -> Access:
        """See Catalogue.access: a plain address needs nothing."""
        return Access(f"/vsicurl/{href}")


def years(period: Period) -> Iterator[Period]:
    """The calendar years of a period, cut at its ends."""
    start = period.start
    while start < period.end:
        end = min(start.replace(year=start.year + 1, month=1, day=1), period.end)
        yield Period(start, end)
        start = end
