"""The sealed package of a run: what is in it, that it repeats, and that nothing outside is touched."""

import dataclasses
import json
import os
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evidence.config import RunConfig
from evidence.dossier import package as room
from evidence.dossier.package import DRAFT, TAKE_IN, Draft, Sealing
from evidence.dossier.seal import CRATE, Seal, climbs
from evidence.dossier.software import ROOT, commit, software
from evidence.files import code_digest, sha256
from imagery.errors import InputError


@pytest.fixture(scope="module")
def dossiers(load):
    return load("dossier_world")


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_everything_is_held_or_named_by_hash(tmp_path, dossiers):
    folder = dossiers.world(tmp_path)
    assert folder == tmp_path / "out" / "dossier"
    made = {
        "inputs.json",
        "config.json",
        "software.json",
        "requirements.lock",
        "steps.jsonl",
        "seal.json",
        CRATE,
    }
    assert names(folder) == made | {"measurements.csv", "verdicts.json", "report/index.html"}
    inputs = json.loads((folder / "inputs.json").read_text())
    assert set(inputs) == {"tiles/a_20230901.tif", "tiles/deep er/b_20230911.tif", "sites/yard.geojson"}
    for name, entry in inputs.items():
        path = tmp_path / name
        assert entry == {"sha256": sha256(path), "bytes": path.stat().st_size}
    config = json.loads((folder / "config.json").read_text())
    assert (config["tiles"], config["sites"]) == (["tiles"], ["sites/yard.geojson"])
    seal = Seal.model_validate_json((folder / "seal.json").read_bytes())
    assert {*seal.files, "seal.json"} == names(folder)
    assert not (tmp_path / "out" / DRAFT).exists()


def test_the_results_are_one_copy_and_read_only(tmp_path, dossiers):
    folder = dossiers.world(tmp_path)
    result = tmp_path / "out" / "measurements.csv"
    assert result.samefile(folder / "measurements.csv")
    assert all(os.stat(folder / name).st_mode & 0o222 == 0 for name in names(folder))
    assert os.stat(tmp_path / "tiles" / "a_20230901.tif").st_mode & 0o200, "an original lost its rights"


def test_inputs_can_travel_along_as_copies(tmp_path, dossiers):
    folder = dossiers.world(tmp_path, Sealing(with_inputs=True))
    held = folder / "inputs" / "tiles" / "deep er" / "b_20230911.tif"
    original = tmp_path / "tiles" / "deep er" / "b_20230911.tif"
    crate = {one["@id"]: one for one in json.loads((folder / CRATE).read_text())["@graph"]}
    name = "inputs/tiles/deep%20er/b_20230911.tif"
    assert {"@id": name} in crate["#run"]["object"]
    assert {"@id": name} not in crate["#run"]["result"]
    assert crate[name]["@type"] == "File"
    assert held.read_bytes() == original.read_bytes()
    assert not held.samefile(original)


def test_a_run_again_differs_only_where_it_says_when(tmp_path, dossiers, monkeypatch):
    monkeypatch.setattr(room, "software", lambda: {"code_sha256": "the same code"})
    first = dossiers.world(tmp_path)
    later = dataclasses.replace(
        dossiers.OCCASION, started="2027-01-01T00:00:00Z", finished="2027-01-01T00:00:09Z"
    )
    second = dossiers.world(tmp_path, occasion=later, out="again")
    assert names(first) == names(second)
    differ = {name for name in names(first) if (first / name).read_bytes() != (second / name).read_bytes()}
    assert differ == {CRATE, "seal.json"}
    seals = [json.loads((folder / "seal.json").read_text()) for folder in (first, second)]
    assert seals[0]["content_sha256"] == seals[1]["content_sha256"]
    assert seals[0]["seal_sha256"] != seals[1]["seal_sha256"]


def test_a_dossier_is_replaced_whole_but_nothing_else_is(tmp_path, dossiers):
    first = dossiers.world(tmp_path)
    os.chmod(first, 0o755)
    (first / "stale.txt").write_text("of an earlier run")
    assert "stale.txt" not in names(dossiers.world(tmp_path))
    mine = tmp_path / "mine" / "dossier"
    mine.mkdir(parents=True)
    (mine / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match="no dossier"):
        dossiers.world(tmp_path, out="mine")
    assert (mine / "letter.txt").read_text() == "mine"


def test_a_run_stopped_while_the_earlier_dossier_is_removed_blocks_no_later_one(tmp_path, dossiers):
    first = dossiers.world(tmp_path)
    real = shutil.rmtree

    def stopped(path, ignore_errors=False):
        if Path(path).exists() and (Path(path) / "seal.json").exists():
            (Path(path) / "seal.json").unlink()
            raise KeyboardInterrupt
        real(path, ignore_errors=ignore_errors)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room.shutil, "rmtree", stopped)
        with pytest.raises(KeyboardInterrupt):
            dossiers.world(tmp_path)
    again = dossiers.world(tmp_path)
    assert again == first
    assert (again / "seal.json").exists()
    assert {path.name for path in again.parent.iterdir() if path.name.startswith(".dossier")} == set()


def test_a_result_that_changes_before_the_seal_is_noticed(tmp_path, dossiers):
    (tmp_path / "tiles").mkdir()
    tile = tmp_path / "tiles" / "a.tif"
    tile.write_text("a")
    draft = Draft(tmp_path / "out", RunConfig(tiles=(tile.parent,)), {str(tile): sha256(tile)})
    with draft.step("observe", [TAKE_IN]):
        dossiers.put(tmp_path / "out" / "measurements.csv", "3")
    (tmp_path / "out" / "measurements.csv").write_text("4")
    with pytest.raises(InputError, match=r"measurements\.csv was changed"):
        draft.seal(dossiers.OCCASION, Sealing())


def test_the_crate_is_an_ro_crate(tmp_path, dossiers):
    folder = dossiers.world(tmp_path, Sealing(Ed25519PrivateKey.generate()))
    crate = json.loads((folder / CRATE).read_text())
    by_id = {entity["@id"]: entity for entity in crate["@graph"]}
    assert len(by_id) == len(crate["@graph"]), "an @id stands twice"
    assert by_id[CRATE]["about"] == {"@id": "./"}
    assert by_id[CRATE]["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    root = by_id["./"]
    assert root["datePublished"] == dossiers.OCCASION.finished
    assert "SIMULATED" in root["description"]
    parts = {part["@id"] for part in root["hasPart"]}
    # The metadata, the seal over it and the signature cannot be parts of what they describe.
    assert parts == names(folder) - {CRATE, "seal.json", "signature.txt"}
    assert all(by_id[part]["sha256"] == sha256(folder / part) for part in parts)
    read = [by_id[one["@id"]] for one in by_id["#run"]["object"]]
    assert {one["name"] for one in read} == set(json.loads((folder / "inputs.json").read_text()))

    def references(value):
        if isinstance(value, list):
            return {one for part in value for one in references(part)}
        return {value["@id"]} if isinstance(value, dict) and "@id" in value else set()

    linked = {one for entity in by_id.values() for value in entity.values() for one in references(value)}
    assert linked <= {*by_id, "https://w3id.org/ro/crate/1.1"}


def test_the_software_is_named_to_the_file(tmp_path):
    facts = software()
    assert facts["code_sha256"] == code_digest()
    assert facts["files"]["evidence/dossier/seal.py"] == sha256(ROOT / "evidence" / "dossier" / "seal.py")
    assert facts["packages"]["numpy"]
    assert commit(tmp_path) is None


@pytest.mark.parametrize("path", ["", "/a", "../a", "a/../../b", "a//b", "./a", "a\\b", "a/", "a\0b"])
def test_paths_that_lead_elsewhere(path):
    assert climbs(path)


def test_plain_paths_are_plain():
    assert not any(climbs(path) for path in ("a", "a/b c/d.tif", ".hidden", "..a", "두만강.tif"))
