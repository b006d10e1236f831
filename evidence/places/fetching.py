"""A FetchConfig into surveys of its sites: the one place where catalogues are opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from evidence.places.fetch_config import FetchConfig
from imagery.errors import ConfigError
from imagery.fetching.fetch import Manners
from imagery.fetching.plan import Order, Survey, survey
from imagery.period import Period
from imagery.sites import load_site
from imagery.sources.choose import CatalogueMapping, open_catalogue
from imagery.sources.network.retry import Patience, Retry
from imagery.sources.network.web import Web


def manners_of(config: FetchConfig) -> Manners:
    """How hard servers are pressed."""
    patience = Patience(config.tries, config.first_wait_s, max(config.longest_wait_s, config.first_wait_s))
    return Manners(config.workers, patience, config.timeout_s)


def surveys_of(
    config: FetchConfig, folder: Path, rng: np.random.Generator, told: Callable[[str], None]
) -> list[Survey]:
    """Ask every catalogue about every site.

    Args:
        config: What is wanted.
        folder: Where relative paths of static catalogues begin.
        rng: Jitter of the waits.
        told: Is given the id of each site before it is asked about.

    Raises:
        ConfigError: A catalogue cannot be opened, or two sites have one id.
        InputError: A site file cannot be used.
    """
    manners = manners_of(config)
    web = Web(Retry(rng, manners.patience), (20.0, manners.timeout_s))
    catalogues = [open_catalogue(choice, web, folder) for choice in config.catalogues]
    names = [catalogue.name for catalogue in catalogues]
    period, clouds = Period.parse(config.period), config.max_cloud_percent
    orders = [
        Order(load_site(path), path, period, config.sensors, config.margin_m, clouds) for path in config.sites
    ]
    ids = [order.site.id for order in orders]
    for what in (names, ids):
        if len(set(what)) < len(what):
            raise ConfigError(f"{', '.join(what)}: each site and each catalogue needs its own name")
    found = []
    for order in orders:
        told(order.site.id)
        found.append(survey(order, catalogues, _hosts(config)))
    return found


def _hosts(config: FetchConfig) -> frozenset[str]:
    mapped = [choice for choice in config.catalogues if isinstance(choice, CatalogueMapping)]
    own = {urlsplit(choice.url).hostname or "" for choice in mapped}
    return frozenset(own.union(*(choice.header_hosts for choice in mapped)))
