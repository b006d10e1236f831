"""Every place that writes: on a full disk, in a folder that may not be written to, stopped, killed."""

import ast
import ctypes
import os
import resource
import signal
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from evidence.checkpoint import Checkpoint
from evidence.exports.styles import FILLED, write_qml
from evidence.ledger import Outcome, Sighting
from evidence.places.calendars import write_table
from evidence.review.marks import Book, Said
from evidence.tables import write_csv, write_tables, write_verdicts
from evidence.verdicts.verdict import Verdict
from imagery.errors import InputError
from imagery.fetching.coverage import Day
from imagery.scenes import Asset, Scene
from imagery.sources.files.item import write_item
from imagery.sources.files.write import write_cog
from imagery.synthetic.items import write_json
from imagery.whole import appended, written
from models.detections import Detections
from models.goods.layers import Layers, write_layers
from models.measurement import Measurement
from models.wagons.calibrate import Calibration

ROOT = Path(__file__).resolve().parents[1]
GRID = GeoBox((40, 50), Affine(0.5, 0, 633_000, 0, -0.5, 4_698_000), "EPSG:32652")
WHEN = datetime(2023, 9, 13, 2, 16, tzinfo=UTC)
SCENE = Scene(id="a", assets=(Asset(Path("a.tif"), ("red",)),), sensor="rgb", taken_at=WHEN)
STORES = "imagery/sources/stores/"
ELSEWHERE = {
    ("imagery/whole.py", "written"): "the door itself",
    ("imagery/whole.py", "removed"): "the door itself",
    ("imagery/folderlock.py", "locked"): "a lock that is empty but for a name: test_hostile.py",
    (
        "imagery/fetching/ledger.py",
        "__init__",
    ): "opened for whole.appended, a torn end cut off: test_fetch_kill.py",
    ("evidence/review/marks.py", "__init__"): "opened for whole.appended",
    (
        "imagery/sources/network/landing.py",
        "land",
    ): "a folder of images at once, renamed when whole: test_fetch_kill.py",
    ("imagery/sources/network/landing.py", "sweep"): "what a killed fetch left",
    ("evidence/files.py", "link_or_copy"): "called inside written()",
    ("evidence/dossier/package.py", "__init__"): "drafts of an earlier run",
    ("evidence/dossier/package.py", "_placed"): "a folder that is whole, renamed: test_dossier.py",
}
"""Functions that write, rename or remove without the door, and why they may."""
RAW = {
    "write_text", "write_bytes", "to_parquet", "to_csv", "to_netcdf", "to_zarr", "savefig", "savez", "tofile",
    "savez_compressed", "save_file", "copyfile", "copy2", "copytree", "move", "ParquetWriter", "imwrite",
    "link", "symlink", "unlink", "rmtree", "rmdir", "truncate", "mkstemp", "mkdir", "makedirs",
}  # fmt: skip


def _writes(call):
    """Whether a call writes, by the name of what is called and the mode that it is given."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name not in ("open", "fdopen"):
        return name in RAW
    words = [word.value for word in ast.walk(call) if isinstance(word, ast.Constant)]
    modes = [word for word in words if isinstance(word, str) and word and set(word) <= set("rwaxbt+")]
    return any(set(mode) & set("wax+") for mode in modes) or "O_CREAT" in ast.unparse(call)


def _outside_the_door(node, function, inside):
    for child in ast.iter_child_nodes(node):
        here = child.name if isinstance(child, ast.FunctionDef) else function
        through = inside or (
            isinstance(child, ast.With) and any("written(" in ast.unparse(item) for item in child.items)
        )
        if isinstance(child, ast.Call) and not through and _writes(child):
            yield here
        yield from _outside_the_door(child, here, through)


def test_whatever_writes_goes_through_the_door_or_is_listed_with_its_reason():
    found = set()
    for storey in ("imagery", "models", "evidence"):
        for path in sorted((ROOT / storey).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            tree = ast.parse(path.read_text(encoding="utf-8"))
            if not name.startswith(STORES):  # objects and their cache have rules of their own
                found |= {(name, function) for function in _outside_the_door(tree, "", False)}
    assert found == set(ELSEWHERE)


def _outcome(version):
    found = Detections(GRID, np.full((20 * version, 5), 9.5), np.full(20 * version, 0.9))
    measured = Measurement("railcars", float(version), 0.0, 9.0, 0.9, "railcars", "edges", 1.0)
    return Outcome("a", "yard", "rgb", WHEN, 0.5, False, (measured,), detections=found)


def _pixels(version):
    return np.random.default_rng(version).integers(1, 250, (3, 40, 50)).astype(np.uint8)


def _calibration(folder, version):
    shipped = Calibration.read(ROOT / "models" / "weights" / "calibration.json")
    Calibration(shipped.score, shipped.counts, shipped.residuals, {"version": version}).write(
        folder / "c.json"
    )


def _day(version):
    return Day("yard", "sentinel-2-l2a", WHEN.date(), "failed", detail=str(version), scenes=("a",))


def _layers(folder, version):
    layers = Layers(np.zeros(4), np.ones(4), (np.full((4, 4), float(version)),), (np.zeros(4),))
    write_layers({"net": layers}, folder / "net.safetensors", {"about": str(version)})


WRITERS = {
    "text": lambda folder, v: _text(folder / "a.txt", str(v) * 5000),
    "CSV": lambda folder, v: write_csv(pd.DataFrame({"a": [v] * 2000}), folder / "a.csv"),
    "tables of a run": lambda folder, v: write_tables([_outcome(v)], folder),
    "verdicts": lambda folder, v: write_verdicts([Verdict("a", "undecided", str(v))], folder),
    "finished scene": lambda folder, v: Checkpoint(folder, "", {}).save(SCENE, [Sighting(_outcome(v))]),
    "coverage": lambda folder, v: write_table([_day(v)], folder / "coverage.csv"),
    "COG": lambda folder, v: write_cog(folder / "a.tif", _pixels(v), GRID, ["red", "green", "blue"]),
    "Item": lambda folder, v: write_item(
        folder / "a.json", "a", WHEN, GRID, [], {"v": v}, ("a.tif", "a.qml")
    ),
    "style": lambda folder, v: write_qml(FILLED, folder / "a.qml"),
    "Item of what is painted": lambda folder, v: write_json(folder / "a.json", {"v": [v] * 900}),
    "layers": _layers,
    "calibration": _calibration,
}
"""By kind: each way in which libraries write, and each kind of file; the second version is another."""


def _text(path, text):
    with written(path) as part:
        part.write_text(text)


@contextmanager
def _full_disk(limit):
    """No file grows beyond a size: a write past it fails, in C libraries, too."""
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))
        signal.signal(signal.SIGXFSZ, ignored)


@contextmanager
def _as_anyone(folder):
    """A folder that may not be written to; root, too, loses the right to do so all the same."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3 of capabilities, this thread
    held = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, held) == 0
    bare = (ctypes.c_uint32 * 6)(*held)
    bare[0] = bare[3] = 0  # what is in force
    assert libc.capset(header, bare) == 0
    folder.chmod(0o555)
    try:
        yield
    finally:
        folder.chmod(0o755)
        assert libc.capset(header, held) == 0


def _state(folder):
    return {
        path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name[0] != "."
    }


@pytest.fixture(params=sorted(WRITERS))
def writer(request):
    return WRITERS[request.param]


@pytest.fixture
def stood(tmp_path, writer):
    """A folder with what was written there before, that and what is to follow."""
    for name, version in (("here", 1), ("other", 2)):
        (tmp_path / name).mkdir()
        writer(tmp_path / name, version)
    return tmp_path / "here", _state(tmp_path / "here"), _state(tmp_path / "other")


@pytest.mark.parametrize("share", [0.0, 0.4, 0.9])
def test_a_full_disk_leaves_what_was_there(writer, stood, share):
    folder, before, after = stood
    assert set(before) == set(after)
    largest = max(len(data) for data in after.values())
    with _full_disk(int(share * largest)), pytest.raises(InputError, match="cannot be written"):
        writer(folder, 2)
    now = _state(folder)
    assert all(now[name] in (before[name], after[name]) for name in after)
    assert not [path for path in folder.rglob(".*") if path.is_file()]
    writer(folder, 2)
    assert _state(folder) == after


def test_a_folder_that_may_not_be_written_to_stays_as_it_is(writer, stood):
    folder, before, after = stood
    with _as_anyone(folder), pytest.raises(InputError, match="cannot be written"):
        writer(folder, 2)
    assert _state(folder) == before
    writer(folder, 2)
    assert _state(folder) == after


def _interrupted(number, frame):
    raise KeyboardInterrupt


def _forked(work, end_after_s):
    """Work in a process of its own, which is killed after a while where no end is in sight."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    if end_after_s is not None:
        time.sleep(end_after_s)
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_stopped_at_any_moment_no_file_is_half_written(writer, stood):
    folder, before, after = stood
    begun = time.perf_counter()
    writer(folder, 2)
    took = time.perf_counter() - begun
    for moment in np.random.default_rng(0).uniform(0.02, 0.98, 8):

        def work(moment=moment):
            signal.signal(signal.SIGALRM, _interrupted)
            signal.setitimer(signal.ITIMER_REAL, moment * took)
            writer(folder, 1 + int(100 * moment) % 2)

        _forked(work, None)
        now = _state(folder)
        assert all(now[name] in (before[name], after[name]) for name in after)
    writer(folder, 2)
    assert _state(folder) == after


def test_killed_at_any_moment_no_file_is_half_written(writer, stood):
    folder, before, after = stood

    def work():
        while True:
            for version in (1, 2):
                writer(folder, version)

    for moment in np.random.default_rng(1).uniform(0.005, 0.05, 4):
        _forked(work, moment)
        now = _state(folder)
        assert all(now[name] in (before[name], after[name]) for name in after)
    writer(folder, 2)
    assert _state(folder) == after


def test_a_line_is_added_whole_or_not_at_all(tmp_path):
    path = tmp_path / "review.jsonl"
    said = {"who": "me", "when": "2023-09-13", "content": "0" * 64, "site": "", "scene_id": "a"}
    one = Said(**said, action="done", box=None, at=None)
    with Book(path) as book:
        book.append(one)
        before = path.read_bytes()
        with _full_disk(len(before) + 20), pytest.raises(InputError, match="cannot be written"):
            book.append(one)
        assert path.read_bytes() == before
        assert len(book.marks) == 1
        book.append(one)
    with Book(path) as book:
        assert [mark.index for mark in book.marks] == [0, 1]
    file = os.open(tmp_path / "ledger.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with _full_disk(5), pytest.raises(InputError, match="free the disk"):
        appended(file, path, b"0123456789\n")
    os.close(file)
    assert (tmp_path / "ledger.jsonl").read_bytes() == b""
