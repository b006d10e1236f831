"""Readers of what strangers send, fed with spoilt input: they take it or refuse it, and touch nothing else.

Few examples each; ``python -m benchmarks.fuzz`` runs as many as wanted. What it has found stands below.
"""

import importlib.util
import json
import re
import sys
from copy import deepcopy
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence.verdicts.readback import read_table


def _load(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


seeds, mutations, fuzz = map(_load, ("fuzz_seeds", "fuzz_mutations", "fuzz_targets"))
ROOT = Path(__file__).resolve().parents[1]
EDITS = st.lists(
    st.tuples(st.integers(0, 100_000), st.integers(0, 5), st.integers(0, 10_000)), min_size=1, max_size=6
)
NAMES = re.findall(r'^ +(?:\*\(\n +)?Target\(\s*"([^"]+)"', Path(fuzz.__file__).read_text(), re.MULTILINE)
NAMES += ["PNG", "JPEG", "JPEG 2000"]


@pytest.fixture(scope="module")
def targets(tmp_path_factory):
    found = {target.name: target for target in fuzz.targets(tmp_path_factory.mktemp("seeds"))}
    assert sorted(found) == sorted(NAMES)
    return found


@pytest.fixture
def target(request, targets, tmp_path):
    """A reader, and what must lie beside what it reads."""
    found = targets[request.param]
    found.prepare(tmp_path)
    return found


@pytest.mark.parametrize("target", NAMES, indirect=True)
def test_seeds_are_taken(target, tmp_path):
    """So that what is spoilt is nearly right, and gets far into the reader."""
    for seed in target.seeds:
        found = target.feed(seed, tmp_path)
        assert not isinstance(found, int) or found > 0
        assert type(found).__name__ != "Refusal"


@pytest.mark.filterwarnings("ignore")  # of libraries, about what they were given
@pytest.mark.parametrize("target", NAMES, indirect=True)
def test_spoilt_input_is_taken_or_refused(target, tmp_path):
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(target.seeds), EDITS)
    def spoil(seed, edits):
        target.take(mutations.mutated(seed, edits), tmp_path)

    spoil()


def _json(seed, *way):
    """A seed with the last of these put in where the others lead to."""
    document = json.loads(seed) if isinstance(seed, bytes) else deepcopy(seed)
    *steps, last, value = way
    place = document
    for step in steps:
        place = place[step]
    place[last] = value
    return json.dumps(document).encode()


def _table(**columns):
    stream = BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


def _tiny_pixels():
    """A cube whose pixels are so small that their count on the ground is no number."""
    return xr.Dataset(
        {"B04": (("y", "x"), np.ones((2, 3), np.uint16))},
        {"y": [1e-300, 0.0], "x": [0.0, 1e-300, 2e-300]},
        {"crs": "EPSG:4326"},
    ).to_netcdf(engine="h5netcdf")


_NO_UTF8 = pa.Array.from_buffers(
    pa.string(), 1, [None, pa.py_buffer(np.array([0, 2], np.int32).tobytes()), pa.py_buffer(b"\xff\xfe")]
)
_TEXT = ["yard"]
_SEALED = "dossier under a seal that holds"
FOUND = {
    "a number without a float": ("boxes of an image", _json(seeds.BOXES, "gsd_m", 10**400)),
    "an Item nested too deeply": ("STAC Item in a folder", b"[" * 100_000),
    "a description nested too deeply": ("Planet description", b"[" * 100_000),
    "a fetched Item nested too deeply": ("fetched Item", b"[" * 100_000),
    "boxes nested too deeply": ("boxes of an image", b"[" * 100_000),
    "a year that no date has": ("Retry-After header", b"Wed, 13 Sep 99999999999 02:16:30 GMT"),
    "a name too long for the disk": (
        "static catalogue", _json(seeds.CATALOGUE, "links", 0, "href", "x" * 5000),
    ),
    "an image name too long": (
        "STAC Item in a folder", _json(seeds.OWN, "assets", "B04", "href", "x" * 5000),
    ),
    "a ring that is not closed": (
        "site file renewed",
        _json(seeds.SITE, "features", 1, "geometry", "coordinates", 0, [[1, 1], [1, 2], [2, 2], [2, 1]]),
    ),
    "a role that is a list": (
        "site file renewed", _json(seeds.SITE, "features", 3, "properties", "role", []),
    ),
    "half a character": ("site file renewed", _json(seeds.SITE, "yardwatch", "notes", "\ud800")),
    "pixels without a size": ("NetCDF", _tiny_pixels()),
    "no table of a sweep": ("table of a sweep", b"PAR1"),
    "a run elsewhere": ("table of a sweep", _table(run=["../../secret"], failed=[""])),
    "a column that is missing": ("boxes of a dossier", _table(site=_TEXT, scene_id=_TEXT)),
    "a column of another kind": ("measurements of a run", _table(site=[[1]], scene_id=_TEXT)),
    "text that is none": ("table of a sweep", _table(run=_NO_UTF8, failed=[""])),
    "best without figures": ("best of a sweep", _json(seeds.BEST, "chosen on", [])),
    "best that is no JSON": ("best of a sweep", b"{"),
    "no verdicts": (_SEALED, _json(seeds.DOSSIER, "verdicts", [3])),
    "a config that is a list": (_SEALED, _json(seeds.DOSSIER, "config", [])),
    "tiles of a name too long": (_SEALED, _json(seeds.DOSSIER, "config", "tiles", ["x" * 5000])),
    "software without a digest": (_SEALED, _json(seeds.DOSSIER, "software", {})),
    "tables without columns": (_SEALED, _json(seeds.DOSSIER, "measurements", "a\n1\n")),
    "half a finished scene": ("finished scene", b"PK\x03\x04 and no more"),
}  # fmt: skip
"""What fuzzing has broken, made small: reader and input."""
TAKEN = {
    "a role that is a list",
    "a year that no date has",  # a wait that cannot be read counts as none
    "a name too long for the disk",  # a gap
    "an image name too long",  # a skip, as the next two
    "an Item nested too deeply",
    "a description nested too deeply",
    "tiles of a name too long",  # a rerun would say so
}
"""All others are refused."""


@pytest.mark.parametrize(("target", "name"), [(FOUND[name][0], name) for name in FOUND], indirect=["target"])
def test_what_was_found_stays_mended(target, name, tmp_path):
    assert target.take(FOUND[name][1], tmp_path) == (name in TAKEN)


@pytest.mark.parametrize("path", ["~/.ssh", "/etc", "../other", "tiles/../..", "half\ud800"])
@pytest.mark.parametrize("key", ["tiles", "engine", "adapted", "tracks", "clouds_weights"])
def test_a_config_in_a_dossier_leads_to_its_inputs_alone(key, path, targets, tmp_path):
    """A home folder is away from the inputs as much as a root: who sealed the dossier may be a stranger."""
    target = targets[_SEALED]
    target.prepare(tmp_path)
    data = _json(seeds.DOSSIER, "config", key, [path] if key == "tiles" else path)
    if key == "clouds_weights":
        data = _json(data, "config", "clouds", "omnicloudmask")
    with pytest.raises(fuzz.YardwatchError, match="leads out of the folder of inputs"):
        target.feed(data, tmp_path)


def test_a_table_of_more_cells_than_any_of_ours_is_refused_before_it_is_read(tmp_path, monkeypatch):
    """A column that never changes takes a few bytes, however long it is."""
    pq.write_table(pa.table({"a": ["x"] * 100_000}), tmp_path / "bomb.parquet")
    assert (tmp_path / "bomb.parquet").stat().st_size < 10_000
    assert len(read_table(tmp_path / "bomb.parquet", ("a",))) == 100_000
    monkeypatch.setattr("evidence.verdicts.readback.MOST_CELLS", 99_999)
    monkeypatch.setattr(pq.ParquetFile, "read", lambda self: pytest.fail("it was read"))
    with pytest.raises(fuzz.YardwatchError, match="100000 cells, at most 99999"):
        read_table(tmp_path / "bomb.parquet", ("a",))


def test_every_reader_is_named_in_what_is_promised():
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    missing = [name for name in NAMES if f"`{name}`" not in text]
    assert not missing
