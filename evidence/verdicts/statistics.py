"""The target period in numbers beside the verdicts: change, onset, episodes, power, placebos, alarms."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from evidence.files import written
from evidence.verdicts.verdict import yardsticks
from imagery.errors import InputError
from imagery.period import Period
from imagery.scenes import Scene
from models.stats.baseline import Baseline, baseline_of
from models.stats.breaks import era_of
from models.stats.change import Change, change_of, p_of
from models.stats.episodes import Episode, episodes_of
from models.stats.multiplicity import Family, family_of
from models.stats.onset import Onset, onset_of
from models.stats.placebo import Placebo, placebo_periods, placebo_sites
from models.stats.power import Power, power_of
from models.stats.series import Series

SEED = 20231005
"""Of the random orders that an onset is held against: the same in every run."""


@dataclass(frozen=True, eq=False)
class Standing:
    """One series in the target period against the years before."""

    site: str
    """Site id."""
    quantity: str
    """What was measured."""
    method: str
    """By which model."""
    orbit: str
    """On which relative orbit, where the reading depends on it."""
    change: Change
    """The middle date of the period against the baseline."""
    power: Power
    """The smallest rise that these dates would have shown."""
    onset: Onset | None
    """When a rise began; None with too few dates."""
    episodes: tuple[Episode, ...]
    """When more stood there than on any date of the baseline."""
    periods: Placebo
    """Earlier periods tested in the same way."""
    sites: Placebo
    """Other sites tested in the same way."""
    steps: str
    """Which changes of processing were taken off the baseline, in a sentence; empty where none."""

    @property
    def words(self) -> tuple[str, ...]:
        """In sentences."""
        p = f"Rank p-value {self.change.p_rank:.2g}"
        if self.change.tail is not None:
            p += f"; {self.change.tail.p:.2g} if it holds that: {self.change.tail.assumptions}"
        told = [p, *([self.onset.words] if self.onset else []), self.power.words, self.periods.words]
        told += [self.sites.words] if self.sites.n else []
        told += [f"More than on any earlier date: {episode.words}" for episode in self.episodes]
        told += [self.steps] if self.steps else []
        return tuple(f"{text[0].upper()}{text[1:]}." for text in told)


@dataclass(frozen=True, eq=False)
class Statistics:
    """All series of a run in the target period."""

    standings: tuple[Standing, ...]
    """One a site, quantity, method and orbit."""
    family: Family
    """Every series in every week of the target, taken together."""

    @property
    def words(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        """Sentences by site and quantity; those of several methods one after the other, named."""
        told: dict[tuple[str, str], tuple[str, ...]] = {}
        for one in self.standings:
            label = f"{one.method}, orbit {one.orbit}" if one.orbit else one.method
            key = one.site, one.quantity
            told[key] = (*told.get(key, ()), *(f"{label}: {text}" for text in one.words))
        return told


def in_eras(series: Sequence[Series], scenes: Sequence[Scene]) -> list[Series]:
    """The series with what else their numbers depend on: the processing, and for radar the orbit."""
    by_id = {scene.id: scene for scene in scenes}
    return [
        replace(
            one,
            orbits=tuple(_orbit(by_id.get(id)) for id in one.scene_ids),
            eras=tuple(
                _era(by_id.get(id), day)
                for id, day in zip(one.scene_ids, one.times.astype("datetime64[D]").tolist(), strict=True)
            ),
        )
        for one in series
    ]


def _orbit(scene: Scene | None) -> str:
    if scene is None or not scene.sensor.startswith("sentinel-1"):
        return ""
    return str(scene.properties.get("sat:relative_orbit", "unknown"))


def _era(scene: Scene | None, day: date) -> str:
    if scene is None:
        return ""
    version = scene.properties.get("s2:processing_baseline", scene.properties.get("processing:version"))
    return era_of(scene.sensor, None if version is None else str(version), day, scene.simulated)


def statistics_of(
    series: Sequence[Series], target: Period | None, years: int = 5, season_days: int | None = None
) -> Statistics:
    """Hold every series' target period against its years before, with placebos and corrections.

    Args:
        series: All of a run; each is split by method, and radar by orbit.
        target: The period; without one there is nothing to hold.
        years: Length of the baseline.
        season_days: Only baseline dates within this many days of the season; all the year where None.
    """
    if target is None:
        return Statistics((), family_of([]))
    pairs = [(one, baseline_of(one, target, years, season_days)) for one in yardsticks(series)]
    pairs = [pair for pair in pairs if pair[0].within(target).any() and pair[1].n]
    p = [p_of(one.take(one.within(target)), baseline, "median") for one, baseline in pairs]
    standings = [
        _standing(
            one,
            baseline,
            [
                value
                for value, (other, _) in zip(p, pairs, strict=True)
                if other.site != one.site and _kind(other) == _kind(one)
            ],
        )
        for one, baseline in pairs
    ]
    level = 1 - max((one.level for one, _ in pairs), default=0.9)
    # Where even the clearest week could not alarm there is no test.
    able = [(one, baseline) for one, baseline in pairs if (baseline.n + 1) * level >= 1]
    weeks = [value for one, baseline in able for value in _weekly(one, baseline)]
    return Statistics(tuple(standings), family_of(weeks, level))


def _kind(series: Series) -> tuple[str, str]:
    return series.quantity, series.methods[0]


def _standing(series: Series, baseline: Baseline, others: Sequence[float]) -> Standing:
    target, level = baseline.target, 1 - series.level
    inside = series.take(series.within(target))
    try:
        onset = onset_of(series, target, np.random.default_rng(SEED), level=series.level)
    except InputError:
        onset = None
    steps = "; ".join(
        f"{step.n_from} dates processed as {step.era} moved by {step.shift:+,.1f} ({step.low:+,.1f} to "
        f"{step.high:+,.1f}) {series.unit}"
        for step in baseline.steps
    )
    return Standing(
        series.site,
        series.quantity,
        series.methods[0],
        series.orbits[0],
        change_of(series, target, baseline, "median"),
        power_of(inside, baseline, "median", level=level),
        onset,
        episodes_of(inside, baseline.maximum),
        placebo_periods(baseline, "median", level=level),
        placebo_sites(others, level),
        steps,
    )


def _weekly(series: Series, baseline: Baseline) -> Iterator[float]:
    """Rank p-value of each week of the target that holds a date."""
    start, end = baseline.target.start, baseline.target.end
    while start < end:
        week = Period(start, min(start + timedelta(days=7), end))
        inside = series.take(series.within(week))
        if len(inside):
            yield p_of(inside, baseline)
        start = week.end


def write_statistics(statistics: Statistics, out: Path) -> None:
    """Write ``statistics.json`` into ``out``."""
    plain = {
        "standings": [{**asdict(one), "words": one.words} for one in statistics.standings],
        "family": {**asdict(statistics.family), "words": statistics.family.words},
    }
    with written(out / "statistics.json") as path:
        path.write_text(json.dumps(plain, indent=1, default=_plain) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    """Days and times as ISO 8601."""
    return np.datetime_as_string(value, unit="s") + "Z" if isinstance(value, np.datetime64) else str(value)
