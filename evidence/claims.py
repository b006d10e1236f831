"""What a source says happened, read from ``seeds/claims/*.yaml``."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, get_args

from imagery.errors import InputError
from imagery.period import Period
from imagery.plainyaml import plain_yaml
from imagery.textfile import read_text, short

Comparison = Literal[
    "at least", "at most", "about", "between", "ratio", "appears", "disappears", "rises", "falls"
]

LIMIT_BYTES = 2**18
"""A file of claims is far smaller."""

_WITHOUT_FIGURE = ("appears", "disappears", "rises", "falls")
_CONVERTED = ("low", "high", "period", "testable", "see_also")  # fields that are more than their text


@dataclass(frozen=True)
class Claim:
    """One published figure."""

    id: str
    """Unique, such as ``T01``."""
    site: str
    """Site id; a place without a site file of its own is never held against imagery."""
    quantity: str
    """Quantity of ours that would test it (``railcars``, ``occupied_track_m``, ...), or the source's own."""
    unit: str
    """Unit of the figure."""
    comparison: Comparison
    """How the figure is meant."""
    low: float | None
    """The figure, or the lower end; None for ``appears`` and the like without a figure."""
    high: float | None
    """The upper end for ``between``; else equal to ``low``."""
    period: Period
    """The day or span that it speaks of."""
    text: str
    """The claim in our own words, one sentence."""
    imagery: str
    """The kind of imagery behind it."""
    source: str
    """Who published it, and when."""
    locator: str
    """URL or place in the source."""
    testable: bool
    """Whether any imagery could test it."""
    reason: str
    """Why not, where it is not testable; what to beware of, where it is."""
    see_also: tuple[str, ...] = ()
    """Ids of claims that repeat it, underlie it or disagree with it."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", self.id):
            raise InputError(f"claim id {short(self.id)} is not a short name such as T01")
        if self.comparison not in get_args(Comparison):
            known = ", ".join(get_args(Comparison))
            raise InputError(f"claim {self.id}: comparison {short(self.comparison)} is none of {known}")
        if self.low is None or self.high is None:
            if self.low is not self.high or self.comparison not in _WITHOUT_FIGURE:
                raise InputError(f"claim {self.id}: {self.comparison!r} needs a figure in low")
        elif not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise InputError(f"claim {self.id}: {self.low} to {self.high} is not finite")
        elif self.comparison == "between" and not self.low < self.high:
            raise InputError(f"claim {self.id}: between {self.low} and {self.high}: high must exceed low")
        elif self.comparison != "between" and self.low != self.high:
            raise InputError(f"claim {self.id}: low {self.low} and high {self.high} differ: write 'between'")


def load_claims(paths: Sequence[Path]) -> tuple[Claim, ...]:
    """Read claims, in the order of the files and within them.

    Args:
        paths: YAML files of at most 256 KiB, or folders whose ``*.yaml`` and ``*.yml`` are taken by name.
            Each file is a list of mappings whose keys are the fields of Claim; ``low``, ``high`` and
            ``see_also`` may be left out.

    Returns:
        All claims.

    Raises:
        InputError: A file is not such a list, uses YAML aliases, or has an unknown key, a wrong value or an
            id twice; the message names file, claim and value.
    """
    found: dict[str, tuple[Claim, Path]] = {}
    for path in _files(paths):
        for claim in _read(path):
            if claim.id in found:
                first = found[claim.id][1]
                raise InputError(f"{path}: claim {claim.id} is already in {first}: give each its own id")
            found[claim.id] = claim, path
    return tuple(claim for claim, _ in found.values())


def filter_claims(
    claims: Sequence[Claim],
    site: str | None = None,
    quantity: str | None = None,
    testable: bool | None = None,
    text: str | None = None,
) -> tuple[Claim, ...]:
    """The claims that meet every condition given.

    Args:
        claims: From load_claims.
        site: Site id.
        quantity: Such as ``railcars``.
        testable: Only those that imagery could test, or only those it could not.
        text: A word or phrase, in upper or lower case, that the id, text, source or reason holds.

    Returns:
        Those left, in the same order.
    """

    def wanted(claim: Claim) -> bool:
        words = f"{claim.id}\n{claim.text}\n{claim.source}\n{claim.reason}".casefold()
        return (
            site in (None, claim.site)
            and quantity in (None, claim.quantity)
            and testable in (None, claim.testable)
            and (text is None or text.casefold() in words)
        )

    return tuple(claim for claim in claims if wanted(claim))


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(file for file in path.iterdir() if file.suffix in (".yaml", ".yml"))
        if not inside:
            raise InputError(f"{path} holds no .yaml file with claims")
        yield from inside


def _read(path: Path) -> Iterator[Claim]:
    rows = plain_yaml(read_text(path, LIMIT_BYTES), str(path), typed=False)
    if not isinstance(rows, list):
        raise InputError(f"{path} is not a list of claims: each begins with '- id:'")
    for number, row in enumerate(rows, 1):
        try:
            yield _claim(number, row)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error


def _claim(number: int, row: object) -> Claim:
    if not isinstance(row, dict):
        raise InputError(f"claim {number} is {short(row)}: write a mapping that begins with '- id:'")
    label = f"claim {short(row['id'])}" if "id" in row else f"claim {number}"
    known = [field.name for field in fields(Claim)]
    for key in row:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1) or [", ".join(known)]
            raise InputError(f"{label} has unknown key {short(key)}: did you mean {near[0]}?")
    texts = {key: _text(label, row, key) for key in known if key not in _CONVERTED}
    for key in ("site", "quantity"):
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", texts[key]):
            raise InputError(f"{label}: {key} {short(texts[key])} is not a name of a-z, 0-9, '_' and '-'")
    testable = _text(label, row, "testable")
    if testable not in ("true", "false"):
        raise InputError(f"{label}: testable is {short(testable)}: write true or false")
    see_also = row.get("see_also", [])
    if not (isinstance(see_also, list) and all(isinstance(other, str) for other in see_also)):
        raise InputError(f"{label}: see_also is {short(see_also)}: write a list of ids")
    try:
        period = Period.parse(_text(label, row, "period"))
    except InputError as error:
        raise InputError(f"{label}: {error}") from error
    low = _figure(label, row, "low")
    high = _figure(label, row, "high") if "high" in row else low
    converted = {"low": low, "high": high, "period": period, "testable": testable == "true"}
    return Claim(**texts, **converted, see_also=tuple(see_also))  # type: ignore[arg-type]


def _text(label: str, row: Mapping[str, object], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{label}: {key} is {short(value)}: write it as text")
    return value.strip()


def _figure(label: str, row: Mapping[str, object], key: str) -> float | None:
    value = row.get(key, "")
    if value in ("", "null", "~"):
        return None
    try:
        return float(str(value))
    except ValueError as error:
        raise InputError(f"{label}: {key} is {short(value)}: write a number, or leave it out") from error
