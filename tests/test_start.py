"""What a run waits for before its first scene is kept, and in which order scenes are looked at."""

import json
import pickle
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from evidence import run as run_room
from evidence.config import RunConfig
from evidence.execute.local import Threads
from evidence.run import run
from imagery.errors import ConfigError
from imagery.sensors import SENSORS
from models import onecore
from models.wagons import registry

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "seeds" / "sites" / "tumangang.geojson"
RADAR = ROOT / "sample_tiles" / "tumangang" / "radar"
COARSE = ROOT / "sample_tiles" / "tumangang" / "coarse"
GRID = GeoBox((60, 80), Affine(0.5, 0, 500_000, 0, -0.5, 4_700_000), "EPSG:32652")
WATCHED = ("torch", "xarray", "scipy.stats", "scipy.optimize", "pandas", "geopandas", "plotly", "pystac")
"""Libraries that take a good part of a second each."""

CHILD = """
import json, os, sys
from pathlib import Path
from evidence.checkpoint import Checkpoint
from evidence.config import RunConfig
from evidence.execute.local import Threads
from evidence.run import run

def loaded():
    return sorted(set(sys.argv[4].split()) & set(sys.modules))

def save(self, scene, *rest, kept=Checkpoint.save):
    kept(self, scene, *rest)
    print(json.dumps([scene.id, loaded()]))

Checkpoint.save = save
sites = tuple(map(Path, sys.argv[3].split()))
run(RunConfig(tiles=(Path(sys.argv[1]),), detector=sys.argv[2], sites=sites, pictures=0),
    Path(sys.argv[1], "out"), "c", executor=Threads(1))
print(json.dumps(["the end", loaded()]))
"""


@pytest.fixture(scope="module")
def small(load):
    """Images of noise, and a detector that always finds three."""
    return load("small_run")


def told(tiles, detector, *sites):
    """What a run in a process of its own had loaded when it kept each scene, and at its end."""
    arguments = (str(tiles), detector, " ".join(map(str, sites)), " ".join(WATCHED))
    done = subprocess.run([sys.executable, "-c", CHILD, *arguments], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return {id_: set(names) for id_, names in map(json.loads, done.stdout.splitlines())}


def radar(folder):
    for path in sorted(RADAR.iterdir())[:2]:
        shutil.copy(path, folder)


def test_the_first_scene_waits_for_no_library_that_it_does_not_need(tmp_path, small):
    radar(tmp_path)
    small.noise(tmp_path / "fine_20230901.tif", GRID)
    seen = told(tmp_path, "strips", SITE)
    assert len(seen) == 3
    assert next(iter(seen)).startswith("SIM_S1_RTC")
    assert next(iter(seen.values())) == set()
    assert {"pandas", "scipy.stats"} <= seen["the end"]  # so that the names are right


def test_a_run_with_edges_never_needs_torch(tmp_path, small):
    small.noise(tmp_path / "fine_20230901.tif", GRID)
    seen = told(tmp_path, "edges")
    assert not {"torch", "xarray"} & seen["the end"]


def test_coarse_scenes_are_looked_at_first_and_that_changes_nothing(tmp_path, monkeypatch, small):
    monkeypatch.setattr(run_room, "late", lambda name: small.Three(20, 30))
    radar(tmp_path)
    for path in sorted(COARSE.glob(f"{sorted(COARSE.glob('*.json'))[0].stem}*")):
        shutil.copy(path, tmp_path)
    small.noise(tmp_path / "A_fine_20230901.tif", GRID)
    looked = []
    result = run(
        RunConfig(tiles=(tmp_path,), sites=(SITE,), pictures=0),
        tmp_path / "out",
        "c",
        progress=lambda scene: looked.append(scene),
        executor=Threads(1),  # of several scenes in hand any may be done first
    )
    assert len(looked) == 3
    first, second, last = (SENSORS[scene.sensor].gsd_m for scene in looked)
    assert first == second > last
    assert sorted(scene.id for scene in looked) == sorted(outcome.scene_id for outcome in result.outcomes)


def test_a_late_detector_is_made_once_and_travels_by_name(monkeypatch, small):
    made = []

    def maker():
        made.append(small.Three(20, 30))
        return made[-1]

    monkeypatch.setitem(registry._DETECTORS, "three", maker)
    detector = registry.late("three")
    assert detector.name == "three"
    assert made == []
    raster = types.SimpleNamespace(grid=GRID)
    assert len(detector.detect(raster)) == len(detector.detect(raster)) == 3
    assert len(made) == 1
    assert len(pickle.loads(pickle.dumps(detector)).detect(raster)) == 3
    with pytest.raises(ConfigError, match=r"no detector 'tree'.*did you mean three"):
        registry.late("tree")


def test_torch_keeps_to_one_core_though_it_is_loaded_on_the_way(monkeypatch):
    class Torch:
        threads = 7

        def get_num_threads(self):
            return self.threads

        def set_num_threads(self, count):
            self.threads = count

    torch = Torch()
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with onecore.one_core_each():
        monkeypatch.setitem(sys.modules, "torch", torch)
        onecore.keep_torch_to_one()
        assert torch.threads == 1
    assert torch.threads == 7
    onecore.keep_torch_to_one()
    assert torch.threads == 7
