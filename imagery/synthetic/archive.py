"""A scenario into a folder of tiles with their truth: what ``yardwatch simulate`` does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np

from imagery.sources.files.write import write_cog
from imagery.synthetic.camera import OFFSET_FROM
from imagery.synthetic.closeup import closeup
from imagery.synthetic.items import asset, item, tags, write_json
from imagery.synthetic.scenario import RadarPasses, Scenario, load_scenario
from imagery.synthetic.snapshot import POWER, snapshot, sounding
from imagery.synthetic.truth import coarse_truth, fine_truth, radar_truth
from imagery.synthetic.world import World, overpass_days, world_of
from imagery.whole import written

COARSE, RADAR, FINE = "sentinel-2-l2a", "sentinel-1-rtc", "rgb"
"""Keys of the sensors that the scenes stand for."""
_RADAR = ("VV", "VH")
_TEN = ("B02", "B03", "B04", "B08")
_SOURCE = "Painted by yardwatch simulate from invented ground and a story; no photograph, no measurement."


@dataclass(frozen=True, eq=False)
class Job:
    """One scene to paint. It depends on no other."""

    world: World
    """The site."""
    day: date
    """The day."""
    kind: Literal["coarse", "radar", "fine"]
    """A 10 m scene, a radar scene, or a picture of single wagons."""
    passes: RadarPasses | None = None
    """Of a radar scene: its orbit."""

    @property
    def id(self) -> str:
        """Id of the scene and name of its files."""
        plan = self.world.plan
        fine = plan.fine if self.kind == "fine" else None
        sensor, at = ("RGB", fine.at) if fine else ("S2_L2A", plan.coarse.at)
        if self.passes:
            sensor, at = "S1_RTC", self.passes.at
        return f"SIM_{sensor}_{self.world.site}_{self.day:%Y%m%d}T{at:%H%M%S}"

    def paint(self, out: Path) -> dict[str, Any]:
        """Write the scene's files below ``out`` and return what is true of it."""
        folder = out / self.world.site / self.kind
        if self.passes:
            truth = _radar(self, self.passes, folder)
        else:
            truth = _coarse(self, folder) if self.kind == "coarse" else _fine(self, folder)
        return {"id": self.id, "kind": self.kind, "day": self.day.isoformat(), **truth}


Progress = Callable[[Sequence[Job]], Iterable[Job]]
"""Hands the jobs on one by one and shows how far it is, as rich.progress.track does."""


def simulate(config_path: Path, out: Path, progress: Progress = iter) -> Path:
    """Paint a scenario: the same file gives the same bytes.

    Args:
        config_path: A scenario (YAML).
        out: Folder for the tiles; files of the same names are replaced.
        progress: Shows how far it is.

    Returns:
        ``out``, which now holds ``SITE/coarse/``, ``SITE/radar/``, ``SITE/fine/`` and ``truth.json``.

    Raises:
        YardwatchError: The scenario, a site or a ground file cannot be used, or ``out`` cannot be written.
    """
    scenario = load_scenario(config_path)
    jobs = jobs_of(scenario)
    truths = [(job.world, job.paint(out)) for job in progress(jobs)]
    _write_truth(scenario, truths, out / "truth.json")
    return out


def jobs_of(scenario: Scenario) -> list[Job]:
    """Every scene of a scenario, by site, kind and day."""
    jobs: list[Job] = []
    for plan in scenario.sites:
        world = world_of(plan, scenario.seed)
        jobs += [Job(world, day, "coarse") for day in overpass_days(plan.coarse, scenario.seed, world.site)]
        for passes in plan.radar:
            days = overpass_days(passes, scenario.seed, world.site)
            jobs += [Job(world, day, "radar", passes) for day in days]
        jobs += [Job(world, day, "fine") for day in sorted(plan.fine.days if plan.fine else ())]
    return jobs


def _coarse(job: Job, folder: Path) -> dict[str, Any]:
    scene = snapshot(job.world, job.day)
    rows, cols = scene.numbers["B02"].shape
    ten = job.world.frame.window((0.0, 0.0), (rows, cols), 10.0)
    twenty = job.world.frame.window((0.0, 0.0), (rows // 2, cols // 2), 20.0)
    marks = tags(scene.moment, COARSE)
    names = f"{job.id}_10m.tif", f"{job.id}_20m.tif"
    write_cog(folder / names[0], np.stack([scene.numbers[b] for b in _TEN]), ten, _TEN, tags=marks, nodata=0)
    pixels = np.stack([scene.numbers["B11"], scene.classes.astype(np.uint16)])
    write_cog(folder / names[1], pixels, twenty, ("B11", "SCL"), tags=marks, nodata=0)
    reflectance = {"data_type": "uint16", "nodata": 0, "scale": 1e-4, "offset": -scene.offset / 1e4}
    record = item(
        job.id,
        scene.moment,
        ten,
        scene.sun,
        {
            "title": f"SIMULATED 10 m scene of {job.world.frame.site.name}, {job.day}",
            "description": _SOURCE,
            "platform": "simulated-sentinel-2",
            "gsd": 10,
            "eo:cloud_cover": round(100 * scene.air.granule_cover, 2),
            "s2:processing_baseline": "04.00" if job.day >= OFFSET_FROM else "02.14",
            "yardwatch:sensor": COARSE,
            "yardwatch:site": job.world.site,
        },
        {
            "bands-10m": asset(names[0], ten, _TEN, [reflectance] * 4, "surface reflectance at 10 m"),
            "bands-20m": asset(
                names[1],
                twenty,
                ("B11", "SCL"),
                [reflectance, {"data_type": "uint16", "nodata": 0}],
                "surface reflectance and scene classification at 20 m",
            ),
        },
    )
    write_json(folder / f"{job.id}.json", record)
    return coarse_truth(job.world, job.day, scene)


def _radar(job: Job, passes: RadarPasses, folder: Path) -> dict[str, Any]:
    scene = sounding(job.world, job.day, passes)
    rows, cols = scene.numbers.shape[1:]
    grid = job.world.frame.window((0.0, 0.0), (rows, cols), 10.0)
    name = f"{job.id}.tif"
    write_cog(folder / name, scene.numbers, grid, _RADAR, tags=tags(scene.moment, RADAR), nodata=0)
    power = {"data_type": "uint16", "nodata": 0, "scale": POWER, "offset": 0.0}
    record = item(
        job.id,
        scene.moment,
        grid,
        None,
        {
            "title": f"SIMULATED radar scene of {job.world.frame.site.name}, {job.day}",
            "description": _SOURCE,
            "platform": "simulated-sentinel-1",
            "gsd": 10,
            "sat:relative_orbit": passes.orbit,
            "sat:orbit_state": passes.state,
            "view:incidence_angle": passes.incidence_deg,
            "yardwatch:sensor": RADAR,
            "yardwatch:site": job.world.site,
        },
        {"backscatter": asset(name, grid, _RADAR, [power] * 2, "gamma nought, linear")},
    )
    write_json(folder / f"{job.id}.json", record)
    return radar_truth(job.world, job.day, passes, scene)


def _fine(job: Job, folder: Path) -> dict[str, Any]:
    scene = closeup(job.world, job.day)
    quality = job.world.plan.fine.jpeg if job.world.plan.fine else 80
    name, bands = f"{job.id}.tif", ("red", "green", "blue")
    pixels = np.moveaxis(scene.painted.image, -1, 0)
    marks = tags(scene.moment, FINE)
    write_cog(folder / name, pixels, scene.grid, bands, tags=marks, compress="jpeg", jpeg_quality=quality)
    record = item(
        job.id,
        scene.moment,
        scene.grid,
        scene.sun,
        {
            "title": f"SIMULATED picture of {job.world.frame.site.name}, {job.day}",
            "description": _SOURCE,
            "platform": "simulated-aerial",
            "gsd": scene.painted.gsd_m,
            "eo:cloud_cover": 0.0,
            "view:off_nadir": round(scene.off_nadir_deg, 2),
            "yardwatch:sensor": FINE,
            "yardwatch:site": job.world.site,
        },
        {"image": asset(name, scene.grid, bands, [{"data_type": "uint8"}] * 3, "colour picture")},
    )
    write_json(folder / f"{job.id}.json", record)
    return fine_truth(job.world, job.day, scene)


def _write_truth(scenario: Scenario, truths: Sequence[tuple[World, dict[str, Any]]], path: Path) -> None:
    """One scene a line, so that two versions can be compared."""
    worlds = {world.site: world for world, _ in truths}
    head = {
        "simulated": True,
        "title": scenario.title,
        "seed": scenario.seed,
        "source": _SOURCE,
        "sites": {
            site: {
                "site_sha256": world.site_sha256,
                "tracks_m": {
                    track.id: round(world.frame.tracks.length_m(index), 1)
                    for index, track in enumerate(world.frame.site.tracks)
                },
            }
            for site, world in worlds.items()
        },
    }
    lines = [json.dumps({"site": world.site, **truth}, ensure_ascii=False) for world, truth in truths]
    top = json.dumps(head, indent=1, ensure_ascii=False).removesuffix("\n}")
    text = top + ',\n "scenes": [\n' + ",\n".join(lines) + "\n ]\n}\n"
    with written(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
