"""Finished scenes kept on disk, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from evidence.files import without_folder, written
from evidence.ledger import Outcome, Sighting
from imagery.alignment.align import Shift
from imagery.scenes import Scene
from models.detections import Detections
from models.goods.place import Outline
from models.measurement import Measurement, Skip
from models.occupancy.lattice import Look
from models.occupancy.profile import Profile
from models.occupancy.trains import Train
from models.occupancy.views import View

FINISHED = ".finished"
"""Name of the folder in which a run keeps its finished scenes."""
Arrays = dict[str, NDArray[Any]]
_READINGS: dict[str, type] = {"profile": Profile, "look": Look, "view": View}  # by their names in a Sighting


class Checkpoint:
    """One file a scene, named by everything that its result depends on: nothing stale is ever taken up."""

    def __init__(
        self, folder: Path, settings: str, hashes: Mapping[str, str], told_from: Sequence[Path] = ()
    ) -> None:
        """Keep results in ``folder``.

        Args:
            folder: Created when the first scene is saved.
            settings: Whatever changes a result (detector, sites, code) as one text.
            hashes: SHA-256 of each input file by path.
            told_from: Folders of this machine that nothing kept depends on: another may go on with it.
        """
        self._folder = folder
        self._settings = settings
        self._hashes = hashes
        self._told_from = tuple(told_from)

    def digest(self, scenes: Iterable[Scene]) -> str:
        """Changes when one of the scenes or its files does, and not with the folder in which they lie."""
        parts = [
            (
                without_folder(repr(scene), *self._told_from),
                *(self._hashes.get(str(a.path), "") for a in scene.assets),
            )
            for scene in scenes
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def _path(self, scene: Scene, kin: str) -> Path:
        name = hashlib.sha256("\0".join([self._settings, self.digest([scene]), kin]).encode()).hexdigest()
        return self._folder / f"{name}.npz"

    def load(self, scene: Scene, kin: str = "") -> list[Sighting] | None:
        """What was seen in the scene, or None where it has not been looked at in just this way.

        Args:
            scene: What was looked at.
            kin: Digest of the other scenes that it was held against.
        """
        path = self._path(scene, kin)
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
                arrays = dict(stored)
            meta = json.loads(str(arrays["meta"]))
            return [_sighting(plain, arrays, f"{i}/") for i, plain in enumerate(meta)]
        except Exception:  # absent or damaged in any way: the scene is looked at again, which loses nothing
            return None

    def save(self, scene: Scene, sightings: Sequence[Sighting], kin: str = "") -> None:
        """Keep what was seen; the file is whole or not there. See load."""
        arrays: Arrays = {}
        meta = [_plain(sighting, arrays, f"{i}/") for i, sighting in enumerate(sightings)]
        for skip in filter(None, (plain["skip"] for plain in meta)):
            skip["detail"] = without_folder(skip["detail"], *self._told_from)
        with written(self._path(scene, kin)) as path, path.open("wb") as stream:
            np.savez_compressed(stream, **{"meta": np.array(json.dumps(meta))}, **arrays)  # type: ignore[arg-type]


def _plain(sighting: Sighting, arrays: Arrays, prefix: str) -> dict[str, Any]:
    outcome = sighting.outcome
    plain: dict[str, Any] = {
        "outcome": {
            "scene_id": outcome.scene_id,
            "site": outcome.site,
            "sensor": outcome.sensor,
            "taken_at": outcome.taken_at.isoformat() if outcome.taken_at else None,
            "gsd_m": outcome.gsd_m,
            "simulated": outcome.simulated,
            "given_back_px": outcome.given_back_px,
        },
        "measurements": [asdict(measurement) for measurement in outcome.measurements],
        "skip": asdict(outcome.skip) if outcome.skip else None,
        "shift": asdict(outcome.shift) if outcome.shift else None,
        "trains": [asdict(train) | {"line": train.line.tolist()} for train in outcome.trains],
        "goods": [asdict(outline) for outline in outcome.goods],
    }
    if outcome.detections is not None:
        found = outcome.detections
        plain["detections"] = {
            "kinds": found.kinds,
            "tarps": found.tarps,
            "grid": _plain_grid(found.grid),
            "attributes": sorted(found.attributes),
        }
        arrays[f"{prefix}boxes"], arrays[f"{prefix}scores"] = found.boxes, found.scores
        arrays.update({f"{prefix}a/{name}": values for name, values in found.attributes.items()})
    for name in _READINGS:
        if (reading := getattr(sighting, name)) is not None:
            plain[name] = _plain_fields(reading, arrays, f"{prefix}{name}/")
    return plain


def _plain_fields(reading: Any, arrays: Arrays, prefix: str) -> dict[str, Any]:
    """Arrays, and tuples of them, go into ``arrays``; what is left is plain JSON."""
    plain: dict[str, Any] = {}
    for field in fields(reading):
        value = getattr(reading, field.name)
        if isinstance(value, np.ndarray):
            arrays[prefix + field.name] = value
        elif isinstance(value, tuple) and value and isinstance(value[0], np.ndarray):
            arrays.update({f"{prefix}{field.name}/{i}": part for i, part in enumerate(value)})
        elif isinstance(value, datetime):
            plain[field.name] = {"utc": value.isoformat()}
        elif isinstance(value, GeoBox):
            plain[field.name] = {"grid": _plain_grid(value)}
        else:
            plain[field.name] = value
    return plain


def _sighting(plain: dict[str, Any], arrays: Arrays, prefix: str) -> Sighting:
    base = dict(plain["outcome"])
    base["taken_at"] = datetime.fromisoformat(base["taken_at"]) if base["taken_at"] else None
    outcome = Outcome(
        **base,
        measurements=tuple(Measurement(**values) for values in plain["measurements"]),
        skip=Skip(**plain["skip"]) if plain["skip"] else None,
        shift=Shift(**plain["shift"]) if plain["shift"] else None,
        trains=tuple(Train(**values | {"line": np.array(values["line"])}) for values in plain["trains"]),
        goods=tuple(_outline(values) for values in plain["goods"]),
    )
    if "detections" in plain:
        outcome = replace(outcome, detections=_detections(plain["detections"], arrays, prefix))
    readings = {
        name: _reading(kind, plain[name], arrays, f"{prefix}{name}/")
        for name, kind in _READINGS.items()
        if name in plain
    }
    return Sighting(outcome, **readings)


def _outline(plain: dict[str, Any]) -> Outline:
    return Outline(**{**plain, "ring": tuple((lon, lat) for lon, lat in plain["ring"])})


def _detections(plain: dict[str, Any], arrays: Arrays, prefix: str) -> Detections:
    return Detections(
        _grid(plain["grid"]),
        arrays[f"{prefix}boxes"],
        arrays[f"{prefix}scores"],
        tuple(plain["kinds"]),
        tuple(plain["tarps"]),
        {name: arrays[f"{prefix}a/{name}"] for name in plain["attributes"]},
    )


def _reading(kind: Any, plain: dict[str, Any], arrays: Arrays, prefix: str) -> Any:
    values: dict[str, Any] = {}
    for field in fields(kind):
        key = prefix + field.name
        if key in arrays:
            values[field.name] = arrays[key]
        elif f"{key}/0" in arrays:
            count = sum(name.startswith(f"{key}/") for name in arrays)
            values[field.name] = tuple(arrays[f"{key}/{i}"] for i in range(count))
        else:
            value = plain[field.name]
            if isinstance(value, dict) and "utc" in value:
                value = datetime.fromisoformat(value["utc"])
            elif isinstance(value, dict) and "grid" in value:
                value = _grid(value["grid"])
            values[field.name] = tuple(value) if isinstance(value, list) else value
    return kind(**values)


def _plain_grid(grid: GeoBox) -> dict[str, Any]:
    crs = grid.crs.to_wkt() if grid.crs else None
    return {"crs": crs, "shape": list(grid.shape), "affine": list(grid.affine)[:6]}


def _grid(plain: dict[str, Any]) -> GeoBox:
    rows, cols = plain["shape"]
    return GeoBox((rows, cols), Affine(*plain["affine"]), plain["crs"])
