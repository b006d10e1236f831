"""Earth Search by Element 84, without a key: v1 with two Sentinel-2 collections, and its announced v2."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from imagery.errors import InputError, UnreadableError
from imagery.sources.network.web import Web
from imagery.sources.offers import safe_href
from imagery.sources.stac import POLARISATIONS, SENTINEL_2_COMMON, StacApi
from imagery.sources.translate import Dialect

V1 = "https://earth-search.aws.element84.com/v1"
V2 = "https://earth-search.aws.element84.com/v2"


class EarthSearch(StacApi):
    """Earth Search. Both collections are searched: each has holes that the other fills."""

    def address(self, dialect: Dialect) -> Callable[[Mapping[str, Any]], str]:
        """Its radar lies in a bucket that charges, under a transform that nobody measured."""

        def checked(asset: Mapping[str, Any]) -> str:
            try:
                return safe_href(asset.get("href"))
            except InputError as error:
                if dialect.placed_by == "gcps":
                    raise UnreadableError(
                        "its transform is invented, the data have ground control points only, and "
                        f"{error}; use sentinel-1-rtc of the Planetary Computer",
                        "invented-transform",
                    ) from None
                raise

        return checked


def earth_search(web: Web, url: str = V1) -> EarthSearch:
    """Version 1. Of one product Collection 1 is preferred: its offset is never in doubt."""
    name = "earth-search"
    optical = [
        Dialect(name, collection, "sentinel-2-l2a", SENTINEL_2_COMMON, level="L2A", rank=rank)
        for rank, collection in enumerate(("sentinel-2-c1-l2a", "sentinel-2-l2a"))
    ]
    radar = Dialect(name, "sentinel-1-grd", "sentinel-1-grd", POLARISATIONS, level="GRD", placed_by="gcps")
    return EarthSearch(name, url, [*optical, radar], web)


def earth_search_v2(web: Web, url: str = V2) -> EarthSearch:
    """Version 2 as announced: Collection 1 under the name ``sentinel-2-l2a``, STAC 1.1."""
    name = "earth-search-v2"
    return EarthSearch(
        name, url, [Dialect(name, "sentinel-2-l2a", "sentinel-2-l2a", SENTINEL_2_COMMON, level="L2A")], web
    )
