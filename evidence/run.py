"""A RunConfig into a page and a dossier. Reads like the sentence in docs/architecture.md."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evidence.checkpoint import Checkpoint
from evidence.claims import Claim, load_claims
from evidence.coarse.gates import gate_notes
from evidence.coarse.tables import write_coarse
from evidence.coarse.trains import write_trains
from evidence.config import RunConfig
from evidence.dossier.crate import Occasion
from evidence.dossier.package import TAKE_IN, UNSIGNED, Draft, Sealing
from evidence.dossier.seal import Seal
from evidence.execute.executor import Executor
from evidence.execute.local import LOCAL
from evidence.exports.rasters import write_rasters
from evidence.exports.styles import write_styles
from evidence.files import code_digest, sha256, without_folder, written
from evidence.labels.rakes import write_rakes
from evidence.ledger import Outcome, series_of
from evidence.observe import Place, observe
from evidence.pictures import pictures_of
from evidence.report.page import Page, write_page
from evidence.review.counts import MARKS, refresh
from evidence.tables import utc_text, write_tables, write_verdicts
from evidence.verdicts.sensitivity import alternatives, write_sensitivity
from evidence.verdicts.statistics import in_eras, statistics_of, write_statistics
from evidence.verdicts.verdict import Verdict, judge, yardsticks
from imagery.clouds import CloudMask, omnicloudmask
from imagery.errors import ConfigError
from imagery.folderlock import locked
from imagery.period import Period
from imagery.scenes import Scene
from imagery.sites import load_site
from imagery.sources.folders.folder import Inventory, find_scenes
from imagery.sources.folders.walk import walk
from imagery.tracks import load_tracks
from models.detections import Detector
from models.stats.baseline import Baseline, baseline_of
from models.stats.series import Series
from models.wagons.registry import ADAPTABLE, ADAPTED_ENDING, adapted, detector, exported

PACKAGES = ("yardwatch", "numpy", "rasterio", "torch", "opencv-python-headless", "scikit-image", "shapely")


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


def run(
    config: RunConfig,
    out: Path,
    command: str,
    started: Callable[[int], None] = lambda total: None,
    progress: Callable[[Scene], None] = lambda scene: None,
    sealing: Sealing = UNSIGNED,
    executor: Executor = LOCAL,
    finished: Path | None = None,
) -> Result:
    """Observe, compare, judge, write and seal.

    Args:
        config: What to read and how.
        out: Folder for every product.
        command: The command line that reruns it.
        started: Told how many scenes there are.
        progress: Told of each scene when it is done.
        sealing: How the dossier is closed.
        executor: Looks at scenes side by side; which one it is changes no result.
        finished: Where finished scenes are kept, shared by runs that differ in what follows; by default below
            ``out``.

    Returns:
        What was found; the same stands in the files of ``out``.

    Raises:
        YardwatchError: A site, claim or folder cannot be used, or ``out`` cannot be written or is
            in use by another process.
    """
    with locked(out):
        return _run(config, out, command, started, progress, sealing, executor, finished)


def _run(
    config: RunConfig,
    out: Path,
    command: str,
    started: Callable[[int], None],
    progress: Callable[[Scene], None],
    sealing: Sealing,
    executor: Executor,
    finished: Path | None,
) -> Result:
    """See run."""
    start = datetime.now(UTC)
    target = Period.parse(config.target) if config.target else None
    places = _places(config)
    wagons = _detector(config)
    mask = omnicloudmask(config.clouds_weights) if config.clouds_weights else None
    inventory = find_scenes(config.tiles, config.gsd_m, config.bands, config.clouds_weights)
    inputs = _hashes(config, inventory, mask, out)
    draft = Draft(out, config, inputs)
    started(len(inventory.scenes))
    with draft.step("observe", [TAKE_IN]):
        checkpoint = Checkpoint(
            (finished or out / ".finished").resolve(), _settings(config, mask, inputs), inputs
        )
        outcomes = observe(
            inventory.scenes,
            inventory.refused,
            places,
            wagons,
            config.level,
            checkpoint,
            progress,
            executor=executor,
        )
        outcomes = [_told(outcome, draft.base) for outcome in outcomes]
        command = without_folder(command, draft.base)
        write_tables(outcomes, out)
        write_rakes(outcomes, out)
        write_coarse(outcomes, out)
        write_trains(outcomes, out)
        write_rasters(outcomes, target, out)
        write_styles(out)
    with draft.step("judge", [TAKE_IN, "observe"]):
        series = in_eras(series_of(outcomes), inventory.scenes)
        baselines = _baselines(config, series)
        claims = load_claims(config.claims)
        years, season = config.baseline_years, config.season_days
        verdicts = [judge(claim, series, years, season_days=season, placebo=True) for claim in claims]
        write_verdicts(verdicts, out)
        statistics = statistics_of(series, target, years, season)
        write_statistics(statistics, out)
        every = in_eras(series_of(outcomes, gated=False), inventory.scenes)
        without = [judge(claim, every, years, season_days=season) for claim in claims]
        gates = gate_notes(outcomes, verdicts, without)
        others = alternatives(claims, verdicts, series, every, outcomes, years, season)
        write_sensitivity(others, out)
    facts = {**_facts(config, draft, outcomes, command), "gates": gates}
    if mask is not None:
        facts["versions"][config.clouds] = mask.version
    with draft.step("report", [TAKE_IN, "observe", "judge"]):
        with written(out / "run.json") as path:
            path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        pictures = pictures_of(inventory.scenes, outcomes, verdicts, places, config.pictures)
        page = write_page(
            Page(
                config.title,
                outcomes,
                series,
                baselines,
                claims,
                verdicts,
                pictures,
                {key: value for key, value in facts.items() if key != "inputs_sha256"},
                [*_notes(places), *gates],
                {place.id: place.site.name for place in places if place.site},
                statistics.words,
                statistics.family.words if statistics.family.tests else "",
                statistics.standings,
                others,
            ),
            out / "report",
        )
    dossier, seal = draft.seal(
        Occasion(
            config.title,
            command,
            utc_text(start) or "",
            utc_text(datetime.now(UTC)) or "",
            version("yardwatch"),
            any(outcome.simulated for outcome in outcomes),
        ),
        sealing,
    )
    if (out / MARKS).exists():
        refresh(out)
    return Result(tuple(outcomes), tuple(series), baselines, claims, tuple(verdicts), page, dossier, seal)


def _places(config: RunConfig) -> list[Place]:
    if config.sites:
        own = _own_weights(config)
        readers = {path: adapted(config.detector, weights) for path, weights in own.items()}
        return [Place(site=load_site(path), detector=readers.get(path)) for path in config.sites]
    return [Place(tracks=load_tracks(config.tracks) if config.tracks else None)]


def _detector(config: RunConfig) -> Detector:
    if config.engine is not None:
        if config.adapted is not None:
            raise ConfigError(f"engine {config.engine} does not hold the weights {config.adapted}: give one")
        return exported(config.detector, config.engine)
    return adapted(config.detector, config.adapted) if config.adapted else detector(config.detector)


def _own_weights(config: RunConfig) -> dict[Path, Path]:
    """Weights beside site files, by site file: what ``yardwatch adapt`` learnt there."""
    if config.detector != ADAPTABLE or config.adapted:
        return {}
    beside = {path: path.with_suffix(ADAPTED_ENDING) for path in config.sites}
    return {path: weights for path, weights in beside.items() if weights.exists()}


def _baselines(config: RunConfig, series: Sequence[Series]) -> dict[tuple[str, str], Baseline]:
    """Of each quantity by its first method: two methods are not one yardstick."""
    if config.target is None:
        return {}
    target = Period.parse(config.target)
    return {
        (one.site, one.quantity): baseline_of(
            next(yardsticks([one])), target, years=config.baseline_years, season_days=config.season_days
        )
        for one in series
    }


def _hashes(config: RunConfig, inventory: Inventory, mask: CloudMask | None, out: Path) -> dict[str, str]:
    """SHA-256 of each input by path: what scenes are made of, and whatever else lies beside it."""
    files = {asset.path for scene in inventory.scenes for asset in scene.assets}
    files |= {*config.sites, *config.claims, *_own_weights(config).values()}
    files |= {path for path in (config.tracks, config.adapted, config.engine) if path}
    files |= set(mask.weights if mask else ())
    hashes = {str(path): sha256(path) for path in sorted(files)}
    for found in walk(config.tiles, []):
        # Items and descriptions decide what an image means; what cannot be read is among the skips.
        if str(found.path) not in hashes and not found.path.resolve().is_relative_to(out.resolve()):
            with suppress(OSError):
                hashes[str(found.path)] = sha256(found.path)
    return hashes


def _settings(config: RunConfig, mask: CloudMask | None, inputs: dict[str, str]) -> str:
    """Whatever changes what is seen in a scene: change one of these and it is looked at again."""
    weights = (*_own_weights(config).values(), config.adapted, config.engine)
    deciding = (*config.sites, *weights, config.tracks)
    places = [inputs[str(path)] for path in deciding if path is not None]
    clouds = [mask.version, *(inputs[str(path)] for path in mask.weights)] if mask else []
    settings = [config.detector, config.level, config.gsd_m, config.bands, places, clouds, code_digest()]
    return json.dumps(settings)


def _told(outcome: Outcome, base: Path) -> Outcome:
    """An end state for others to read: its paths start at ``base``."""
    if outcome.skip is None:
        return outcome
    skip = replace(outcome.skip, detail=without_folder(outcome.skip.detail, base))
    return replace(outcome, scene_id=without_folder(outcome.scene_id, base), skip=skip)


def _facts(config: RunConfig, draft: Draft, outcomes: Sequence[Outcome], command: str) -> dict[str, Any]:
    return {
        "title": config.title,
        "command": command,
        "config": draft.config,
        "config_sha256": config.digest(),
        "code_sha256": code_digest(),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
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
