"""A STAC Item of a catalogue, 1.0 or 1.1, translated into an Offer once, or refused with the rule's name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal, TypeVar

import numpy as np
import shapely
from shapely.errors import ShapelyError
from shapely.geometry import box, shape
from shapely.geometry.base import BaseGeometry

from imagery.errors import InputError, UnreadableError
from imagery.sources.folders.stac_words import number
from imagery.sources.network.secret import redact
from imagery.sources.offers import Offer, Refusal, safe_name
from imagery.sources.products import Product, product_named
from imagery.sources.remote_bands import Address, remote_bands
from imagery.sources.values.harmonise import Rule, parse_baseline, rule_for
from imagery.textfile import short

T = TypeVar("T")

MAX_POINTS = 20_000
"""More corners are no footprint."""
MAX_FACTS = 120
"""Facts of an Item that are kept."""
MAX_TEXT = 300
"""Length of one."""


@dataclass(frozen=True)
class Dialect:
    """How one collection of one catalogue speaks."""

    provider: str
    """Name of the catalogue, in every record."""
    collection: str
    """Collection in it."""
    sensor: str
    """Key into imagery.sensors.SENSORS."""
    assets: Mapping[str, str]
    """Asset key to band name; of several keys for one band the first that is there counts."""
    rule: Rule | None = None
    """Fixed by a config; None looks it up."""
    table: tuple[str, str] | None = None
    """Provider and collection in the table of rules, where they are not its own."""
    level: str = ""
    """``L2A`` or ``GRD``: products of another level are refused. Empty: not a Sentinel product."""
    placed_by: Literal["transform", "gcps"] = "transform"
    """See Offer."""
    rank: int = 0
    """See Offer."""

    def rule_of(self, baseline: str, properties: Mapping[str, Any]) -> Rule:
        """The rule of one of its products.

        Raises:
            InputError: None is known.
        """
        if self.rule is not None:
            return self.rule
        provider, collection = self.table or (self.provider, self.collection)
        return rule_for(provider, collection, baseline, properties.get("earthsearch:boa_offset_applied"))


def translate(item: object, dialect: Dialect, lon: float, address: Address) -> Offer | Refusal:
    """Translate an Item as it came from a server or a file.

    Args:
        item: Anything; what is no usable Item is refused, never raised.
        dialect: How its collection speaks.
        lon: Longitude in degrees at which the local day is told.
        address: The href of an asset, checked and without credentials.
    """
    body = _mapping(item)
    properties = _mapping(body.get("properties"))
    taken_at: datetime | None = None
    try:
        taken_at = _time(properties)
        item_id = _else("unsafe-id", lambda: safe_name(body.get("id")))
        if body.get("collection", dialect.collection) != dialect.collection:
            raise UnreadableError(
                f"it is of collection {short(body['collection'])}; {dialect.collection} was asked for",
                "unknown-collection",
            )
        return _offer(body, item_id, taken_at, dialect, lon, address)
    except UnreadableError as error:
        return Refusal(
            id=_shown(body.get("id")),
            provider=dialect.provider,
            collection=dialect.collection,
            reason=error.reason,
            detail=redact(error),
            sensor=dialect.sensor,
            taken_at=taken_at,
            solar_day=None if taken_at is None else solar_day(taken_at, lon),
        )


def _shown(item_id: object) -> str:
    try:
        return safe_name(item_id)
    except InputError:
        return redact(short(item_id))


def solar_day(moment: datetime, lon: float) -> date:
    """Local day by the sun at a longitude in degrees."""
    return (moment.astimezone(UTC) + timedelta(hours=lon / 15)).date()


def _offer(
    body: Mapping[str, Any], item_id: str, taken_at: datetime, dialect: Dialect, lon: float, address: Address
) -> Offer:
    said = _mapping(body.get("properties"))
    product = _product(item_id, said, taken_at, dialect)
    baseline, rule = _baseline_and_rule(product, said, dialect)
    bands = remote_bands(_mapping(body.get("assets")), dialect.assets, rule, address)
    zenith, cloud = number(said.get("s2:mean_solar_zenith")), number(said.get("eo:cloud_cover"))
    elevation, orbit = number(said.get("view:sun_elevation")), number(said.get("sat:relative_orbit"))
    return _else(
        "bad-item",
        lambda: Offer(
            id=item_id,
            product=product.name,
            provider=dialect.provider,
            collection=dialect.collection,
            sensor=dialect.sensor,
            taken_at=taken_at,
            lon=lon,
            datatake=product.datatake,
            bands=bands,
            footprint=_footprint(body),
            rule=rule.name,
            grid_code=product.grid_code or _word(said.get("grid:code"), r"[A-Z]+-[A-Za-z0-9-]{1,20}"),
            relative_orbit=product.relative_orbit if orbit is None else int(orbit),
            orbit_state=_word(said.get("sat:orbit_state"), "ascending|descending"),
            baseline=baseline,
            cloud_cover=cloud if cloud is not None and 0 <= cloud <= 100 else None,
            sun_azimuth_deg=number(said.get("view:sun_azimuth", said.get("s2:mean_solar_azimuth"))),
            sun_elevation_deg=90 - zenith if elevation is None and zenith is not None else elevation,
            view_azimuth_deg=number(said.get("view:azimuth")),
            off_nadir_deg=number(said.get("view:off_nadir", said.get("view:incidence_angle"))),
            placed_by=dialect.placed_by,
            rank=dialect.rank,
            properties=_facts(said, rule),
        ),
    )


def _product(item_id: str, said: Mapping[str, Any], taken_at: datetime, dialect: Dialect) -> Product:
    found = product_named(item_id, said)
    if found is not None and dialect.level and found.level != dialect.level:
        raise UnreadableError(f"{item_id} is {found.level}; {dialect.level} is needed", "wrong-level")
    if found is None and dialect.level:
        raise UnreadableError(
            f"{item_id} names no product: it cannot be told from its duplicates", "unnamed-product"
        )
    if found is not None:
        return found
    # Without an agency's name: one platform takes one picture at a time.
    platform = re.sub(r"[^A-Za-z0-9]+", "-", str(said.get("platform") or dialect.sensor)).strip("-")
    return Product(item_id, f"{platform[:40] or 'unknown'}_{taken_at:%Y%m%dT%H%M}", "")


def _baseline_and_rule(product: Product, said: Mapping[str, Any], dialect: Dialect) -> tuple[str, Rule]:
    """The rule, by the baseline that the Item states and, where it names one, that of its product."""
    stated = [product.baseline, said.get("s2:processing_baseline"), said.get("processing:version")]
    baselines = [text for text in stated if isinstance(text, str) and parse_baseline(text)]
    rules = [
        _else("unknown-rule", lambda text=text: dialect.rule_of(text, said))  # type: ignore[misc]
        for text in baselines or [""]
    ]
    if len({rule.name for rule in rules}) > 1:
        raise UnreadableError(
            f"it states baselines {', '.join(baselines)}, whose rules differ "
            f"({', '.join(rule.name for rule in rules)}): one of them is wrong",
            "unknown-rule",
        )
    return (baselines[-1] if baselines else ""), rules[0]


_NO_SHAPE = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, ShapelyError)


def _footprint(body: Mapping[str, Any]) -> BaseGeometry:
    try:
        found = shape(body["geometry"]) if body.get("geometry") else box(*body["bbox"])
        points = shapely.get_num_coordinates(found)
        finite = bool(np.isfinite(shapely.get_coordinates(found)).all())
    except _NO_SHAPE as error:
        raise InputError(f"its geometry or box cannot be read ({type(error).__name__})") from None
    if found.geom_type not in ("Polygon", "MultiPolygon") or not 3 < points <= MAX_POINTS or not finite:
        raise InputError(f"its geometry is a {found.geom_type} of {points} points, no footprint")
    found = shapely.force_2d(found if found.is_valid else shapely.make_valid(found))
    west, south, east, north = found.bounds
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise InputError(f"its geometry lies at {found.bounds}, which are no degrees of a polygon")
    return found


def _time(said: Mapping[str, Any]) -> datetime:
    text = said.get("datetime") or said.get("start_datetime")
    try:
        moment = datetime.fromisoformat(text)  # type: ignore[arg-type]
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise UnreadableError(f"its datetime {short(text)} is none", "no-date") from None


def _facts(said: Mapping[str, Any], rule: Rule) -> Mapping[str, Any]:
    """What else it says, as far as it is plain, short and holds no credential."""
    facts: dict[str, Any] = {"yardwatch:quantity": rule.quantity, "yardwatch:rule_source": rule.source}
    for key, value in sorted(said.items(), key=lambda pair: str(pair[0])):
        usable = isinstance(key, str) and len(key) <= 60 and key.isprintable()
        if usable and isinstance(value, str) and len(value) <= MAX_TEXT:
            facts.setdefault(key, redact(value))
        elif usable and (isinstance(value, bool) or number(value) == value):
            facts.setdefault(key, value)
        if len(facts) == MAX_FACTS:
            break
    return MappingProxyType(facts)


def _word(value: object, pattern: str) -> str:
    return value if isinstance(value, str) and re.fullmatch(pattern, value) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _else(reason: str, make: Callable[[], T]) -> T:
    """What is made, or the refusal with that reason."""
    try:
        return make()
    except InputError as error:
        raise UnreadableError(str(error), reason) from None
