"""Every reader of what strangers send, and something valid to begin with: for test_fuzz.py and benchmarks.

A reader takes what it is given or raises a YardwatchError; anything else is a finding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import fuzz_seeds as seeds
import numpy as np
import pandas as pd
import requests
import xarray as xr
from affine import Affine
from fuzz_mutations import plain
from odc.geo.geobox import GeoBox
from pydantic import ValidationError

from evidence.checkpoint import Checkpoint
from evidence.claims import load_claims
from evidence.config import load_config
from evidence.dossier.rerun import rerun
from evidence.dossier.seal import Entry, Step, load_public_key, make_seal, next_step
from evidence.dossier.verify import verify
from evidence.ledger import Outcome, Sighting
from evidence.places.fetch_config import load_fetch_config
from evidence.places.new import write_site
from evidence.review.counts import counted_images, looked_at
from evidence.review.desk import Wish, lay_out
from evidence.review.marks import Book, Said, load_marks
from evidence.sweeps.compare import best_of, runs_of
from evidence.sweeps.plan import config_of, load_sweep, settings
from evidence.verdicts.outside import agreements, compare_table
from evidence.verdicts.readback import read_measurements, read_verdicts
from imagery.errors import InputError, YardwatchError
from imagery.fetching.ledger import LEDGER, read_ledger
from imagery.period import Period
from imagery.reader import open_scene
from imagery.scenes import Asset, Scene
from imagery.sites import load_site
from imagery.sources.files.write import write_cog
from imagery.sources.folders.folder import find_scenes
from imagery.sources.folders.names import read_name
from imagery.sources.maps.overpass import map_of
from imagery.sources.network.landing import landed
from imagery.sources.network.retry import Patience, Retry, retry_after_s
from imagery.sources.network.web import Web
from imagery.sources.offers import safe_href
from imagery.sources.stac import SENTINEL_2_COMMON, StacApi
from imagery.sources.static_catalogue import StaticCatalogue
from imagery.sources.translate import Dialect, translate
from imagery.synthetic.scenario import load_ground, load_scenario
from imagery.tracks import load_tracks
from models.detections import Detections
from models.measurement import Measurement
from models.wagons.labelfiles import read_sheets
from models.wagons.score import read_labels

ROOT = Path(__file__).resolve().parents[1]
GRID = GeoBox((24, 32), Affine(10, 0, 633_000, 0, -10, 4_698_000), "EPSG:32652")
LARGER = GeoBox((64, 64), GRID.affine, GRID.crs)
WHEN = datetime(2023, 9, 13, 2, 16, tzinfo=UTC)
DIALECT = Dialect(
    "fuzz",
    "sentinel-2-c1-l2a",
    "sentinel-2-l2a",
    SENTINEL_2_COMMON,
    level="L2A",
    table=("earth-search", "sentinel-2-c1-l2a"),
)
PLANET_IMAGE = "20230913_021600_78_2461_3B_AnalyticMS_SR.tif"
Feed = Callable[[bytes, Path], object]


def _nothing(folder: Path) -> None:
    """Nothing needs to lie beside what is read."""


@dataclass(frozen=True)
class Target:
    """One reader."""

    name: str
    """In the table of results."""
    seeds: tuple[bytes, ...]
    """Valid input."""
    feed: Feed
    """Reads bytes in a folder; what it writes there it writes over each time."""
    prepare: Callable[[Path], None] = _nothing
    """Puts what must lie beside them into the folder, once."""

    def take(self, data: bytes, folder: Path) -> bool:
        """Read; errors that are raised on purpose are what is wanted of bad input. Whether it was taken."""
        with suppress(YardwatchError):
            self.feed(data, folder)
            return True
        return False


def _file(name: str, read: Callable[[Path], object]) -> Feed:
    def feed(data: bytes, folder: Path) -> object:
        path = folder / name
        path.write_bytes(data)
        return read(path)

    return feed


def _image(path: Path) -> int:
    """Reads a corner of every image in the file's folder; how many there are."""
    return _images(path.parent)


def _images(folder: Path) -> int:
    scenes = find_scenes([folder], gsd_m=1.0).scenes
    for scene in scenes:
        with open_scene(scene) as raster:
            raster.read((slice(0, 8), slice(0, 8)))
    return len(scenes)


def _beside(name: str, bands: int = 4) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        names = ["B04"] if bands == 1 else list("bgrn")
        write_cog(folder / name, np.full((bands, 24, 32), 900, np.uint16), GRID, names, nodata=0)

    return prepare


def _store(folder: Path) -> None:
    """A Zarr store with one array of each kind."""
    _cube().to_zarr(folder / "20230913_fuzz.zarr", zarr_format=3, consolidated=False)


def _cube() -> xr.Dataset:
    return xr.Dataset(
        {"B04": (("time", "y", "x"), np.full((2, 8, 9), 900, np.uint16))},
        {
            "time": np.array(["2023-09-13", "2023-09-18"], "datetime64[ns]"),
            "y": 4_698_000 - 10.0 * np.arange(8),
            "x": 633_000 + 10.0 * np.arange(9),
        },
        {"crs": "EPSG:32652"},
    )


def _in_store(part: str) -> Feed:
    def feed(data: bytes, folder: Path) -> object:
        (folder / "20230913_fuzz.zarr" / part).write_bytes(data)
        return _images(folder)

    return feed


class _Server(requests.adapters.BaseAdapter):
    """Answers every request with the same bytes."""

    data = b""

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        answer = requests.Response()
        answer.status_code, answer.raw, answer.url = 200, BytesIO(self.data), str(request.url)
        return answer

    def close(self) -> None:
        """Nothing to close."""


_SERVER = _Server()


def _web() -> Web:
    web = Web(Retry(np.random.default_rng(0), Patience(1, 0.0, 0.0), lambda _: None))
    web._session.mount("https://", _SERVER)
    return web


_WEB = _web()
_YEAR = Period(WHEN.date().replace(month=1, day=1), WHEN.date().replace(month=12, day=31))


def _searched(data: bytes, folder: Path) -> object:
    _SERVER.data = data
    api = StacApi("fuzz", "https://example.org", [DIALECT], _WEB)
    return len(list(api.search(seeds.BOX, _YEAR, {"sentinel-2-l2a"})))


def _linked(path: Path) -> object:
    _SERVER.data = path.read_bytes()
    for root in (path, "https://example.org/catalog.json"):
        catalogue = StaticCatalogue("fuzz", root, [DIALECT], _WEB)
        found = list(catalogue.search(seeds.BOX, _YEAR, {"sentinel-2-l2a"}))
    return len(found)


def _answered(data: bytes, folder: Path) -> object:
    return translate(plain(data), DIALECT, 130.6, lambda asset: safe_href(asset.get("href")))


def _mapped(data: bytes, folder: Path) -> object:
    _SERVER.data = data
    found = map_of(seeds.BOX, _WEB, "https://example.org/api")
    return write_site(folder / "fuzz.geojson", "fuzz", found, seeds.BOX, None)


def _merged(path: Path) -> object:
    _SERVER.data = seeds.OVERPASS
    found = map_of(seeds.BOX, _WEB, "https://example.org/api")
    return write_site(path.with_name("new.geojson"), "fuzz", found, seeds.BOX, path)


def _waited(data: bytes, folder: Path) -> object:
    return retry_after_s(data.decode("latin-1"), lambda: WHEN) is not None


def _named(data: bytes, folder: Path) -> object:
    return read_name(data.decode("utf-8", "replace"))


def _marked(data: bytes, folder: Path) -> object:
    """Marks as they are, or chained anew where they are only said."""
    path = folder / "review.jsonl"
    said = plain(data)
    path.unlink(missing_ok=True)
    if isinstance(said, list):
        with Book(path) as book:
            for one in said:
                with suppress(ValidationError, TypeError):
                    book.append(Said(**one))
    else:
        path.write_bytes(data)
    marks = load_marks(path)
    looked_at((), marks)
    return len(marks)


def _wished(data: bytes, folder: Path) -> object:
    with suppress(ValidationError):  # which the server answers
        return Wish.model_validate_json(data)
    raise InputError("no wish")


def _sealed(data: bytes, folder: Path) -> object:
    (folder / "dossier" / "seal.json").write_bytes(data)
    return verify(folder)


def _swept(path: Path) -> object:
    sweep = load_sweep(path)
    return [config_of(sweep, setting) for _, setting in zip(range(3), settings(sweep), strict=False)]


def _base(folder: Path) -> None:
    (folder / "base.yaml").write_bytes((ROOT / "configs" / "sample.yaml").read_bytes())


def _measured() -> pd.DataFrame:
    row = {
        "site": "yard",
        "scene_id": "S2A",
        "taken_at": "2023-09-13T02:16:00Z",
        "sensor": "rgb",
        "gsd_m": 0.5,
    }
    row |= {"quantity": "railcars", "value": 3.0, "low": 1.0, "high": 5.0, "level": 0.9, "method": "edges"}
    row |= {"simulated": False}
    return pd.DataFrame([row])


def _boxes() -> pd.DataFrame:
    row = {"site": "yard", "scene_id": "S2A", "cx_px": 9.0, "cy_px": 8.0, "length_px": 28.0, "width_px": 6.0}
    return pd.DataFrame([row | {"angle_deg": 3.5}])


def _run(folder: Path) -> None:
    """What reading a run back needs."""
    _measured().to_parquet(folder / "measurements.parquet", index=False)


def _dossier(folder: Path) -> None:
    """The tables of a dossier, which are binary, and its input."""
    here = folder / "dossier"
    (here / "inputs" / "tiles").mkdir(parents=True)
    (here / "inputs" / "tiles" / "a.tif").write_bytes(b"none")
    (here / "inputs.json").write_bytes(seeds.as_json(plain(seeds.DOSSIER)["inputs"]))
    _run(here)
    _boxes().to_parquet(here / "detections.parquet", index=False)
    _reseal(here)


def _reseal(folder: Path, steps: Any = ()) -> None:
    """Steps and a seal that fit the files as they now are, so that what is wrong in them is reached."""
    names = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("seal.json", "steps.jsonl")
    )
    entries = {name: _entry(folder / name) for name in names}
    wrote = {name: entry.sha256 for name, entry in entries.items() if not name.startswith("inputs/")}
    chain: list[Step] = []
    for step in steps if isinstance(steps, list) else ():
        with suppress(ValidationError, TypeError, KeyError, ValueError):
            chain.append(next_step(chain, step["step"], step["read"], step["wrote"]))
    chain.append(next_step(chain, "all", {}, wrote))
    (folder / "steps.jsonl").write_bytes(b"".join(step.line() for step in chain))
    entries["steps.jsonl"] = _entry(folder / "steps.jsonl")
    (folder / "seal.json").write_bytes(make_seal(entries, chain, None).data())


def _entry(path: Path) -> Entry:
    data = path.read_bytes()
    return Entry(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))


def _again(config: Any, out: Path, *_: Any) -> None:
    """Stands in for the run behind a rerun: always the same tables."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "measurements.csv").write_text(plain(seeds.DOSSIER)["measurements"])
    (out / "verdicts.json").write_bytes(seeds.VERDICTS)


def _resealed(data: bytes, folder: Path) -> object:
    """A dossier whose parts say anything, but whose seal holds: all that is done with one."""
    parts, here = plain(data), folder / "dossier"
    if not isinstance(parts, dict):
        raise InputError("no dossier")
    for name in ("config", "inputs", "software", "verdicts"):
        (here / f"{name}.json").write_bytes(seeds.as_json(parts.get(name)))
    (here / "measurements.csv").write_bytes(str(parts.get("measurements")).encode("utf-8", "replace"))
    _reseal(here, parts.get("steps"))
    held = verify(here)
    with suppress(YardwatchError):
        lay_out(held)
    with patch("evidence.dossier.rerun.run", _again):
        return rerun(held)


def _reviewed(name: str) -> Feed:
    """A dossier one of whose tables is spoilt: what a review reads of it."""

    def feed(data: bytes, folder: Path) -> object:
        here = folder / "dossier"
        (here / name).write_bytes(data)
        _reseal(here)
        return len(counted_images(verify(here)))

    return feed


_SCENE = Scene(id="S2A", assets=(Asset(Path("a.tif"), ("B04",)),), sensor="rgb", taken_at=WHEN)


def _finished(data: bytes, folder: Path) -> object:
    """Whatever lies in the place of a finished scene: taken up, or looked at again."""
    kept = Checkpoint(folder, "settings", {})
    kept._path(_SCENE, "").write_bytes(data)
    if kept.load(_SCENE) is None:
        raise InputError("looked at again")
    return True


def _kept(folder: Path) -> bytes:
    """A finished scene."""
    found = Detections(GRID, np.array([[9.0, 8.0, 28.0, 6.0, 3.5]]), np.array([0.9]))
    measured = Measurement("railcars", 3.0, 1.0, 5.0, 0.9, "railcars", "edges", 1.0)
    outcome = Outcome("S2A", "yard", "rgb", WHEN, 0.5, False, (measured,), detections=found)
    kept = Checkpoint(folder, "settings", {})
    kept.save(_SCENE, [Sighting(outcome)])
    return kept._path(_SCENE, "").read_bytes()


def _landed(data: bytes, folder: Path) -> object:
    (folder / f"{folder.name}.json").write_bytes(data)
    if landed(folder) is None:
        raise InputError("fetched again")
    return True


def _whole(folder: Path) -> None:
    (folder / "B04.tif").write_bytes(b"bytes")


def targets(folder: Path) -> list[Target]:
    """All readers; ``folder`` is where seeds that are no text are made."""
    return [*_texts(), *_of_catalogues(), *_of_runs(folder), *_of_images(folder)]


def _texts() -> list[Target]:
    claims = sorted((ROOT / "seeds" / "claims").glob("*.yaml"))[0].read_bytes()[:2400]
    configs = ROOT / "configs"
    run, fetch, simulate, ground, sweep = (
        (configs / name).read_bytes()
        for name in (
            "sample.yaml",
            "fetch/sites.yaml",
            "simulate/quiet.yaml",
            "simulate/ground/rajin.yaml",
            "sweeps/detectors.yaml",
        )
    )
    sweep = sweep.replace(b"../sample-fine.yaml", b"base.yaml")
    return [
        Target("site file", (seeds.SITE,), _file("site.geojson", load_site)),
        Target("track file", (seeds.SITE,), _file("tracks.geojson", load_tracks)),
        Target("site file renewed", (seeds.SITE,), _file("base.geojson", _merged)),
        Target(
            "claims",
            (claims[: claims.rindex(b"\n- ")],),
            _file("claims.yaml", lambda path: load_claims([path])),
        ),
        Target("run config", (run,), _file("run.yaml", load_config)),
        Target("fetch config", (fetch,), _file("fetch.yaml", load_fetch_config)),
        Target("sweep", (sweep,), _file("sweep.yaml", _swept), _base),
        Target(
            "scenario",
            (simulate[: simulate.index(b"  - site: ../../seeds/sites/rajin")],),
            _file("scenario.yaml", load_scenario),
        ),
        Target("ground of a scenario", (ground[:2000],), _file("ground.yaml", load_ground)),
        Target("label file", (seeds.COCO, seeds.DOTA, seeds.DRAWN), _file("labels.json", read_sheets)),
        Target("boxes of an image", (seeds.BOXES,), _file("boxes.json", read_labels)),
        Target("name of a file", tuple(name.encode() for name in seeds.NAMES), _named),
    ]


def _of_catalogues() -> list[Target]:
    return [
        Target("STAC Item of a catalogue", (seeds.as_json(seeds.OFFERED),), _answered),
        Target("page of a STAC search", (seeds.PAGE,), _searched),
        Target("static catalogue", (seeds.CATALOGUE,), _file("catalog.json", _linked)),
        Target("OpenStreetMap answer", (seeds.OVERPASS,), _mapped),
        Target("Retry-After header", (b"30", b"Wed, 13 Sep 2023 02:16:30 GMT"), _waited),
        Target("fetched Item", (seeds.LANDED,), _landed, _whole),
        Target("ledger", (seeds.ENTRY * 2,), _file(LEDGER, read_ledger)),
    ]


def _of_runs(folder: Path) -> list[Target]:
    _run(folder)
    _boxes().to_parquet(folder / "boxes.parquet", index=False)
    pd.DataFrame({"run": ["a"], "failed": [""], "detector": ["edges"]}).to_parquet(folder / "sweep.parquet")
    measured = (folder / "measurements.parquet").read_bytes()
    _dossier(folder)
    dossier = folder / "dossier"
    return [
        Target("marks of a review", (seeds.SAID,), _marked),
        Target("wish at the desk", tuple(seeds.as_json(one) for one in seeds.WISHES), _wished),
        Target("seal of a dossier", ((dossier / "seal.json").read_bytes(),), _sealed, _dossier),
        Target("dossier under a seal that holds", (seeds.DOSSIER,), _resealed, _dossier),
        Target("public key", (seeds.PUBLIC_KEY,), _file("key.pem", load_public_key)),
        Target("outside figures", (seeds.FIGURES,), _file("figures.csv", _compared), _run),
        Target(
            "verdicts of a run",
            (seeds.VERDICTS,),
            _file("verdicts.json", lambda path: read_verdicts(path.parent)),
        ),
        Target("best of a sweep", (seeds.BEST,), _file("best.json", lambda path: best_of([path.parent]))),
        Target(
            "measurements of a run",
            (measured,),
            _file("measurements.parquet", lambda path: read_measurements(path.parent)),
        ),
        Target(
            "table of a sweep",
            ((folder / "sweep.parquet").read_bytes(),),
            _file("sweep.parquet", lambda path: runs_of([path.parent])),
        ),
        Target(
            "boxes of a dossier",
            ((folder / "boxes.parquet").read_bytes(),),
            _reviewed("detections.parquet"),
            _dossier,
        ),
        Target("measurements of a dossier", (measured,), _reviewed("measurements.parquet"), _dossier),
        Target("finished scene", (_kept(folder),), _finished),
    ]


def _compared(path: Path) -> object:
    return agreements(compare_table(path.parent, path))


def _of_images(folder: Path) -> list[Target]:
    pixels = np.random.default_rng(0).integers(1, 250, (3, 64, 64)).astype(np.uint8)
    write_cog(folder / "seed.tif", pixels, LARGER, ["red", "green", "blue"], nodata=0)
    _cube().to_netcdf(folder / "seed.nc", engine="h5netcdf")
    _store(folder)
    store = folder / "20230913_fuzz.zarr"
    encoded = {
        end: cv2.imencode(end, np.moveaxis(pixels, 0, -1))[1].tobytes() for end in (".png", ".jpg", ".jp2")
    }
    return [
        Target(
            "STAC Item in a folder",
            (seeds.as_json(seeds.OWN),),
            _file("item.json", _image),
            _beside("B04.tif", 1),
        ),
        Target(
            "Planet description",
            (seeds.PLANET,),
            _file("20230913_021600_78_2461_metadata.json", _image),
            _beside(PLANET_IMAGE),
        ),
        Target(
            "Maxar description, XML",
            (seeds.MAXAR,),
            _file("23SEP13021600-M2AS-1.XML", _image),
            _beside("23SEP13021600-M2AS-1.TIF", 1),
        ),
        Target(
            "Maxar description, IMD",
            (seeds.IMD,),
            _file("23SEP13021600-M2AS-1.IMD", _image),
            _beside("23SEP13021600-M2AS-1.TIF", 1),
        ),
        Target(
            "Airbus description",
            (seeds.DIMAP,),
            _file("DIM_PHR1A.XML", _image),
            _beside("IMG_PHR1A_R1C1.TIF"),
        ),
        Target(
            "Zarr, metadata",
            ((store / "B04" / "zarr.json").read_bytes(),),
            _in_store("B04/zarr.json"),
            _store,
        ),
        Target(
            "Zarr, chunk",
            ((store / "B04" / "c" / "0" / "0" / "0").read_bytes(),),
            _in_store("B04/c/0/0/0"),
            _store,
        ),
        Target("NetCDF", ((folder / "seed.nc").read_bytes(),), _file("20230913_fuzz.nc", _image)),
        Target("TIFF", ((folder / "seed.tif").read_bytes(),), _file("20230913_fuzz.tif", _image)),
        *(
            Target(name, (encoded[end],), _file(f"20230913_fuzz{end}", _image))
            for name, end in (("PNG", ".png"), ("JPEG", ".jpg"), ("JPEG 2000", ".jp2"))
        ),
    ]
