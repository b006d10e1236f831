"""A RunConfig into a page and a dossier. Reads like the sentence in docs/architecture.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from evidence.checkpoint import FINISHED, Checkpoint
from evidence.config import RunConfig
from evidence.dossier.package import UNSIGNED, Draft, Sealing
from evidence.execute.executor import Executor
from evidence.execute.local import LOCAL
from evidence.files import code_digest, sha256
from evidence.observe import Place, observe
from imagery.clouds import CloudMask, omnicloudmask
from imagery.errors import ConfigError
from imagery.folderlock import locked
from imagery.scenes import Scene
from imagery.sites import load_site
from imagery.sources.folders.folder import Inventory, find_scenes
from imagery.tracks import load_tracks
from models.detections import Detector
from models.wagons.registry import ADAPTABLE, ADAPTED_ENDING, adapted, exported, late

if TYPE_CHECKING:
    from evidence.conclude import Result


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
    places = _places(config)
    wagons = _detector(config)
    mask = omnicloudmask(config.clouds_weights) if config.clouds_weights else None
    inventory = find_scenes(config.tiles, config.gsd_m, config.bands, config.clouds_weights)
    inputs = _hashes(config, inventory, mask, out)
    draft = Draft(out, config, inputs)
    started(len(inventory.scenes))
    outcomes = observe(
        inventory.scenes,
        inventory.refused,
        places,
        wagons,
        config.level,
        Checkpoint(
            (finished or out / FINISHED).resolve(), _settings(config, mask, inputs), inputs, draft.folders
        ),
        progress,
        executor=executor,
    )
    # Only now: what judges and draws takes a second to load, and the first scene need not wait for it.
    from evidence.conclude import Looked, conclude

    looked = Looked(config, out, command, start, places, inventory.scenes, mask, outcomes)
    return conclude(looked, draft, sealing)


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
    return adapted(config.detector, config.adapted) if config.adapted else late(config.detector)


def _own_weights(config: RunConfig) -> dict[Path, Path]:
    """Weights beside site files, by site file: what ``yardwatch adapt`` learnt there."""
    if config.detector != ADAPTABLE or config.adapted:
        return {}
    beside = {path: path.with_suffix(ADAPTED_ENDING) for path in config.sites}
    return {path: weights for path, weights in beside.items() if weights.exists()}


def _hashes(config: RunConfig, inventory: Inventory, mask: CloudMask | None, out: Path) -> dict[str, str]:
    """SHA-256 of each input by path: what scenes are made of, and whatever else lies beside it."""
    files = {asset.path for scene in inventory.scenes for asset in scene.assets}
    files |= {*config.sites, *config.claims, *_own_weights(config).values()}
    files |= {path for path in (config.tracks, config.adapted, config.engine) if path}
    files |= set(mask.weights if mask else ())
    hashes = {str(path): sha256(path) for path in sorted(files)}
    results = out.resolve()
    for found in inventory.walked:
        # Items and descriptions decide what an image means; what cannot be read is among the skips.
        if str(found.path) not in hashes and not found.real.is_relative_to(results):
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
