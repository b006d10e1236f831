"""What a run says once every scene was looked at: tables, verdicts, the page and the sealed dossier.

``evidence/run.py`` imports this room only then: pandas, scipy.stats and the report are not needed before.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evidence.claims import Claim, load_claims
from evidence.coarse.gates import gate_notes
from evidence.coarse.tables import write_coarse
from evidence.coarse.trains import write_trains
from evidence.config import RunConfig
from evidence.dossier.crate import Occasion
from evidence.dossier.package import TAKE_IN, Draft, Sealing
from evidence.dossier.seal import Seal, digest
from evidence.exports.rasters import write_rasters
from evidence.exports.styles import write_styles
from evidence.files import code_digest, written
from evidence.labels.rakes import write_rakes
from evidence.ledger import Outcome, series_of
from evidence.observe import Place
from evidence.pictures import pictures_of
from evidence.report.page import Page, write_page
from evidence.review.counts import MARKS, refresh
from evidence.tables import utc_text, write_tables, write_verdicts
from evidence.verdicts.sensitivity import Alternative, alternatives, write_sensitivity
from evidence.verdicts.statistics import Statistics, in_eras, statistics_of, write_statistics
from evidence.verdicts.verdict import Verdict, judge, yardsticks
from imagery.clouds import CloudMask
from imagery.period import Period
from imagery.scenes import Scene
from models.stats.baseline import Baseline, baseline_of
from models.stats.series import Series

PACKAGES = ("yardwatch", "numpy", "rasterio", "torch", "opencv-python-headless", "scikit-image", "shapely")


@dataclass(frozen=True, eq=False)
class Looked:
    """A run whose scenes have all been looked at."""

    config: RunConfig
    """What to read and how."""
    out: Path
    """Folder for every product."""
    command: str
    """The command line that reruns it."""
    start: datetime
    """When it began, UTC."""
    places: Sequence[Place]
    """Where was looked."""
    scenes: Sequence[Scene]
    """What was looked at."""
    clouds: CloudMask | None
    """The second opinion on clouds, where one was asked for."""
    outcomes: Sequence[Outcome]
    """Every scene's end state."""


@dataclass(frozen=True, eq=False)
class Result:
    """What a run found, before and beside its files."""

    outcomes: tuple[Outcome, ...]
    """Every scene's end state."""
    series: tuple[Series, ...]
    """One a site and quantity."""
    baselines: dict[tuple[str, str], Baseline]
    """By site and quantity; empty without a target period."""
    claims: tuple[Claim, ...]
    """The claims that were held against the series."""
    verdicts: tuple[Verdict, ...]
    """One a claim."""
    page: Path
    """The report."""
    dossier: Path
    """The sealed package."""
    seal: Seal
    """What it hangs on."""


@dataclass(frozen=True, eq=False)
class _Judged:
    """What follows from the numbers."""

    series: list[Series]
    baselines: dict[tuple[str, str], Baseline]
    claims: tuple[Claim, ...]
    verdicts: list[Verdict]
    statistics: Statistics
    gates: list[str]
    others: list[Alternative]


def conclude(looked: Looked, draft: Draft, sealing: Sealing) -> Result:
    """Tabulate, judge, write and seal.

    Args:
        looked: The run so far.
        draft: Its dossier in the making.
        sealing: How that is closed.

    Raises:
        YardwatchError: A claim cannot be used, or ``looked.out`` cannot be written.
    """
    outcomes = [_told(outcome, draft) for outcome in looked.outcomes]
    looked = replace(looked, outcomes=outcomes, command=draft.told(looked.command))
    with draft.step("observe", [TAKE_IN]):
        _tabulate(looked)
    with draft.step("judge", [TAKE_IN, "observe"]):
        judged = _judge(looked)
    with draft.step("report", [TAKE_IN, "observe", "judge"]):
        page = _report(looked, judged, draft)
    dossier, seal = draft.seal(
        Occasion(
            looked.config.title,
            looked.command,
            utc_text(looked.start) or "",
            utc_text(datetime.now(UTC)) or "",
            version("yardwatch"),
            any(outcome.simulated for outcome in outcomes),
        ),
        sealing,
    )
    if (looked.out / MARKS).exists():
        refresh(looked.out)
    return Result(
        tuple(outcomes),
        tuple(judged.series),
        judged.baselines,
        judged.claims,
        tuple(judged.verdicts),
        page,
        dossier,
        seal,
    )


def _told(outcome: Outcome, draft: Draft) -> Outcome:
    """An end state for others to read: no folder of this machine is in it."""
    if outcome.skip is None:
        return outcome
    skip = replace(outcome.skip, detail=draft.told(outcome.skip.detail))
    return replace(outcome, scene_id=draft.told(outcome.scene_id), skip=skip)


def _tabulate(looked: Looked) -> None:
    outcomes, out = looked.outcomes, looked.out
    write_tables(outcomes, out)
    write_rakes(outcomes, out)
    write_coarse(outcomes, out)
    write_trains(outcomes, out)
    write_rasters(outcomes, _target(looked.config), out)
    write_styles(out)


def _judge(looked: Looked) -> _Judged:
    config, outcomes, out = looked.config, looked.outcomes, looked.out
    years, season = config.baseline_years, config.season_days
    series = in_eras(series_of(outcomes), looked.scenes)
    claims = load_claims(config.claims)
    verdicts = [judge(claim, series, years, season_days=season, placebo=True) for claim in claims]
    write_verdicts(verdicts, out)
    statistics = statistics_of(series, _target(config), years, season)
    write_statistics(statistics, out)
    every = in_eras(series_of(outcomes, gated=False), looked.scenes)
    without = [judge(claim, every, years, season_days=season) for claim in claims]
    others = alternatives(claims, verdicts, series, every, outcomes, years, season)
    write_sensitivity(others, out)
    gates = gate_notes(outcomes, verdicts, without)
    return _Judged(series, _baselines(config, series), claims, verdicts, statistics, gates, others)


def _report(looked: Looked, judged: _Judged, draft: Draft) -> Path:
    """The page, and the facts of the run beside it."""
    config, places, verdicts = looked.config, looked.places, judged.verdicts
    facts = {**_facts(looked, draft), "gates": judged.gates}
    with written(looked.out / "run.json") as path:
        path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    pictures = pictures_of(looked.scenes, looked.outcomes, verdicts, places, config.pictures)
    return write_page(
        Page(
            config.title,
            looked.outcomes,
            judged.series,
            judged.baselines,
            judged.claims,
            verdicts,
            pictures,
            {key: value for key, value in facts.items() if key != "inputs_sha256"},
            [*_notes(places), *judged.gates],
            {place.id: place.site.name for place in places if place.site},
            judged.statistics.words,
            judged.statistics.family.words if judged.statistics.family.tests else "",
            judged.statistics.standings,
            judged.others,
        ),
        looked.out / "report",
    )


def _target(config: RunConfig) -> Period | None:
    return Period.parse(config.target) if config.target else None


def _baselines(config: RunConfig, series: Sequence[Series]) -> dict[tuple[str, str], Baseline]:
    """Of each quantity by its first method: two methods are not one yardstick."""
    target = _target(config)
    if target is None:
        return {}
    return {
        (one.site, one.quantity): baseline_of(
            next(yardsticks([one])), target, years=config.baseline_years, season_days=config.season_days
        )
        for one in series
    }


def _facts(looked: Looked, draft: Draft) -> dict[str, Any]:
    outcomes = looked.outcomes
    versions = {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
    if looked.clouds is not None:
        versions[str(looked.config.clouds)] = looked.clouds.version
    return {
        "title": looked.config.title,
        "command": looked.command,
        "config": draft.config,
        "config_sha256": digest(draft.config),
        "code_sha256": code_digest(),
        "versions": versions,
        "counts": {
            "scenes": len({outcome.scene_id for outcome in outcomes}),
            "measured": sum(outcome.skip is None for outcome in outcomes),
            "skipped": sum(outcome.skip is not None for outcome in outcomes),
        },
        "simulated": any(outcome.simulated for outcome in outcomes),
        "inputs_sha256": draft.hashes,
    }


def _notes(places: Sequence[Place]) -> list[str]:
    return [
        f"{place.site.name}: tracks and yards are approximate "
        f"(position uncertainty {place.site.uncertainty_m:.0f} m); "
        "correct them on imagery before relying on any figure."
        for place in places
        if place.site is not None and place.site.approximate
    ]
