"""A dossier held against its seal: whatever is changed, the first thing that does not hold is named."""

import os
import random
import shutil

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from typer.testing import CliRunner

from evidence.cli import app
from evidence.dossier import verify as room
from evidence.dossier.package import Sealing
from evidence.dossier.seal import Seal, Step, load_private_key, load_public_key, make_seal, next_step
from evidence.dossier.verify import Broken, verify
from imagery.errors import InputError

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes_raw().hex()


@pytest.fixture(scope="module")
def dossiers(load):
    return load("dossier_world")


@pytest.fixture(scope="module")
def signed_world(tmp_path_factory, dossiers):
    folder = tmp_path_factory.mktemp("signed")
    return writable(dossiers.world(folder, Sealing(KEY)))


@pytest.fixture
def dossier(tmp_path, signed_world):
    """A copy that a test may spoil, its inputs beside it."""
    shutil.copytree(signed_world.parents[1], tmp_path / "world")
    return tmp_path / "world" / "out" / "dossier"


def writable(dossier):
    for path in dossier.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return dossier


def files(dossier):
    return sorted(path for path in dossier.rglob("*") if path.is_file())


def broken(dossier, **how):
    with pytest.raises(Broken) as caught:
        verify(dossier, **how)
    return caught.value


def steps(dossier):
    return (dossier / "steps.jsonl").read_bytes().splitlines(keepends=True)


def test_what_nobody_touched_holds(dossier):
    held = verify(dossier, public_key=PUBLIC)
    assert held.base == dossier.parents[1]
    assert len(held.inputs) == 3
    assert verify(dossier.parent).seal == held.seal, "the run's folder stands for its dossier"
    assert verify(dossier, seal=held.seal.seal_sha256[:16]).seal == held.seal


def test_one_byte_in_any_file_names_that_file(dossier):
    dice = random.Random(1)
    assert len(files(dossier)) == 11
    for path in files(dossier):
        whole = path.read_bytes()
        for at in {0, len(whole) - 1, *(dice.randrange(len(whole)) for _ in range(15))}:
            flipped = bytearray(whole)
            flipped[at] ^= 1 << dice.randrange(8)
            path.write_bytes(flipped)
            assert broken(dossier).name == path.relative_to(dossier).as_posix()
        path.write_bytes(whole)
    verify(dossier)


def test_missing_and_added_files_are_named(dossier):
    for path in files(dossier):
        whole = path.read_bytes()
        path.unlink()
        found = broken(dossier)
        assert (found.what, found.name) == ("missing", path.relative_to(dossier).as_posix())
        path.write_bytes(whole)
    (dossier / "report" / "note.txt").write_text("")
    assert broken(dossier).name == "report/note.txt"
    (dossier / "report" / "note.txt").unlink()
    (dossier / "empty").mkdir()
    assert (broken(dossier).what, broken(dossier).name) == ("added", "empty")


def test_links_are_refused_even_to_the_same_bytes(dossier, tmp_path):
    path = dossier / "measurements.csv"
    path.rename(tmp_path / "elsewhere.csv")
    path.symlink_to(tmp_path / "elsewhere.csv")
    assert "link" in str(broken(dossier))
    path.unlink()
    os.mkfifo(path)
    assert "device" in str(broken(dossier)), "a pipe must not be waited for"
    path.unlink()
    (tmp_path / "elsewhere.csv").rename(path)
    seal = dossier / "seal.json"
    seal.rename(tmp_path / "seal.json")
    seal.symlink_to(tmp_path / "seal.json")
    assert broken(dossier).name == "seal.json"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: [lines[1], lines[0], *lines[2:]], "another order"),
        (lambda lines: [*lines[:2], lines[3], lines[2]], "another order"),
        (lambda lines: lines[1:], "step 0 was dropped"),
        (lambda lines: [*lines[:2], *lines[3:]], "step 2 was dropped"),
        (lambda lines: lines[:-1], "step 3 was dropped"),
        (lambda lines: [], "step 0 was dropped"),
        (lambda lines: [*lines, lines[-1]], "was added"),
        (lambda lines: [lines[0], added(lines[:1]), *lines[1:]], "was added"),
        (lambda lines: [*lines, added(lines)], "was added"),
        (lambda lines: [*lines[:3], added(lines[:3])], "in place of another"),
        (lambda lines: [*lines[:1], lines[1].replace(b"observe", b"obverse"), *lines[2:]], "was changed"),
        (lambda lines: [*lines, b"{}\n"], "line 5 is no step"),
        (lambda lines: [*lines[:-1], lines[-1][:-1]], "not written as steps are"),
        (lambda lines: [lines[0].replace(b",", b", "), *lines[1:]], "not written as steps are"),
    ],
)
def test_the_chain_says_what_happened_to_its_steps(dossier, change, said):
    (dossier / "steps.jsonl").write_bytes(b"".join(change(steps(dossier))))
    found = broken(dossier)
    assert found.name == "steps.jsonl"
    assert said in str(found)


def added(lines):
    """A step that follows well on the lines before it."""
    return next_step([Step.model_validate_json(line) for line in lines], "tidy", {}, {}).line()


def resealed(dossier, files=None, chain=None, public_key=None):
    """What a forger does who knows the format: all hashes made to fit again."""
    old = Seal.model_validate_json((dossier / "seal.json").read_bytes())
    chain = chain or [Step.model_validate_json(line) for line in steps(dossier)]
    entries = {path: entry.model_dump() for path, entry in old.files.items()} | (files or {})
    seal = make_seal({path: room.Entry(**entry) for path, entry in entries.items()}, chain, public_key)
    (dossier / "seal.json").write_bytes(seal.data())
    (dossier / "signature.txt").unlink(missing_ok=True)


def test_a_forger_is_stopped_by_the_chain_the_noted_seal_and_the_key(dossier, dossiers):
    noted = Seal.model_validate_json((dossier / "seal.json").read_bytes()).seal_sha256
    table = dossier / "measurements.csv"
    table.write_text(table.read_text().replace("3,2,4", "73,70,76"))
    entry = {"sha256": dossiers.sha256(table), "bytes": table.stat().st_size}
    resealed(dossier, {"measurements.csv": entry})
    assert "a step wrote measurements.csv" in str(broken(dossier))
    chain = [Step.model_validate_json(line) for line in steps(dossier)]
    forged = chain[:1]
    for step in chain[1:]:
        put = {path: entry["sha256"] if path == "measurements.csv" else of for path, of in step.wrote.items()}
        read = {path: entry["sha256"] if path == "measurements.csv" else of for path, of in step.read.items()}
        forged.append(next_step(forged, step.step, read, put))
    text = b"".join(step.line() for step in forged)
    (dossier / "steps.jsonl").write_bytes(text)
    again = {"sha256": dossiers.sha256(dossier / "steps.jsonl"), "bytes": len(text)}
    resealed(dossier, {"measurements.csv": entry, "steps.jsonl": again}, forged)
    verify(dossier)  # all of it was forged: only what lies outside the dossier can tell
    assert broken(dossier, seal=noted).what == "seal"
    assert broken(dossier, public_key=PUBLIC).what == "signature"


def test_a_dropped_or_foreign_signature_is_named(dossier):
    other = Ed25519PrivateKey.generate()
    assert "another key" in str(broken(dossier, public_key=other.public_key().public_bytes_raw().hex()))
    seal = (dossier / "seal.json").read_bytes()
    (dossier / "signature.txt").write_text(other.sign(seal).hex() + "\n")
    assert (broken(dossier).what, broken(dossier).name) == ("signature", "signature.txt")
    (dossier / "signature.txt").write_text(KEY.sign(seal).hex().upper() + "\n")
    assert broken(dossier).name == "signature.txt"


def test_inputs_are_said_to_be_changed_or_absent(dossier, tmp_path):
    tile = dossier.parents[1] / "tiles" / "deep er" / "b_20230911.tif"
    tile.write_text("pixels of anotheR")
    found = broken(dossier)
    assert (found.what, found.name) == ("input", "input tiles/deep er/b_20230911.tif")
    assert verify(dossier, look_at_inputs=False).base is None
    tile.unlink()
    assert "missing" in str(broken(dossier))
    moved = shutil.copytree(dossier, tmp_path / "far" / "dossier")
    assert "--inputs" in str(broken(moved))
    tile.write_text("pixels of another")
    assert verify(moved, inputs=dossier.parents[1]).base == dossier.parents[1]


def test_inputs_that_travelled_along_are_checked_inside(tmp_path, dossiers):
    dossier = writable(dossiers.world(tmp_path, Sealing(with_inputs=True)))
    alone = shutil.copytree(dossier, tmp_path / "far" / "dossier")
    assert verify(alone).base == alone / "inputs"
    (alone / "inputs" / "sites" / "yard.geojson").write_text("[]")
    assert broken(alone).name == "inputs/sites/yard.geojson"
    shutil.rmtree(alone / "inputs")
    assert broken(alone).what == "missing"


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "a/../../b"])
def test_a_path_that_climbs_out_is_never_opened(dossier, monkeypatch, name):
    resealed(dossier, {name: {"sha256": "0" * 64, "bytes": 1}})
    monkeypatch.setattr(room, "_same", lambda *rest: pytest.fail("it was opened"))
    assert "leads out" in str(broken(dossier))


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{}", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"format":"yardwatch dossier 2"}',
        b'{"a":' * 5000, b"9" * 10_000,
    ],
)  # fmt: skip
def test_a_seal_of_anything_is_no_traceback(dossier, data):
    (dossier / "seal.json").write_bytes(data)
    assert broken(dossier).name == "seal.json"
    (dossier / "steps.jsonl").write_bytes(data)
    (dossier / "inputs.json").write_bytes(data)
    broken(dossier)


def test_nothing_large_is_taken_into_memory(dossier, monkeypatch):
    monkeypatch.setattr(room, "MAX_TEXT_BYTES", 100)
    assert "larger than 100 bytes" in str(broken(dossier))
    monkeypatch.undo()
    with (dossier / "measurements.csv").open("r+b") as stream:
        stream.truncate(10**12)  # a hole: no disk is taken, and none may be read
    assert "1000000000000 bytes" in str(broken(dossier))


def test_of_500_random_mutations_none_passes(dossier):
    dice = random.Random(7)
    for number in range(500):
        kind, undo = mutate(dossier, dice)
        found = broken(dossier)
        assert kind not in CHAIN or found.name == "steps.jsonl", f"mutation {number}, {kind}: {found}"
        undo()
    verify(dossier)


CHAIN = ("reorder steps", "drop a step", "add a step", "steps")
"""Mutations of the chain: each has to be told as one."""


def mutate(dossier, dice):
    """Change something, and give what puts it back."""
    path = dice.choice([*files(dossier), *files(dossier.parents[1] / "tiles")])
    whole = path.read_bytes()
    at = dice.randrange(len(whole))
    kind = dice.choice(("flip", "insert", "delete", "cut", "drop", "add", "rename", "swap", "space", *CHAIN))
    if kind in ("add", "rename") and path.is_relative_to(dossier):
        new = dice.choice([path.parent, dossier]) / f"{dice.randrange(10**6)}{path.suffix}"
        if kind == "add":
            new.write_bytes(whole[:at])
            return kind, new.unlink
        path.rename(new)
        return kind, lambda: new.rename(path)
    if kind in CHAIN:
        path = dossier / "steps.jsonl"
        whole = path.read_bytes()
        spoilt = b"".join(relinked(kind, steps(dossier), dice))
    elif kind == "swap":
        other = dice.choice([one for one in files(dossier) if one.read_bytes() != whole])
        spoilt = other.read_bytes()
    else:
        spoilt = {
            "insert": whole[:at] + bytes([dice.randrange(256)]) + whole[at:],
            "delete": whole[:at] + whole[at + 1 :],
            "cut": whole[:at],
            "space": whole + b"\n",
        }.get(kind, whole[:at] + bytes([whole[at] ^ (1 + dice.randrange(255))]) + whole[at + 1 :])
    path.unlink() if kind == "drop" else path.write_bytes(spoilt)
    return kind, lambda: path.write_bytes(whole)


def relinked(kind, lines, dice):
    """The chain with its steps in another order, one fewer, one more that follows well, or any of them."""
    at = dice.randrange(len(lines))
    if kind == "drop a step":
        return [*lines[:at], *lines[at + 1 :]]
    if kind == "add a step":
        return [*lines[: at + 1], added(lines[: at + 1]), *lines[at + 1 :]]
    if kind == "reorder steps":
        first, second = dice.sample(range(len(lines)), 2)
        order = list(range(len(lines)))
        order[first], order[second] = second, first
        return [lines[i] for i in order]
    drawn = dice.choices(lines, k=dice.randrange(7))
    return drawn if drawn != lines else lines[1:]


def pem(path, key=KEY, locked=None):
    lock = BestAvailableEncryption(locked) if locked else NoEncryption()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
    return path


def test_keys_are_read_from_pem(tmp_path):
    never = lambda: pytest.fail("no password is needed")  # noqa: E731
    assert load_private_key(pem(tmp_path / "key.pem"), never).private_bytes_raw() == KEY.private_bytes_raw()
    locked = pem(tmp_path / "locked.pem", locked=b"open sesame")
    assert load_private_key(locked, lambda: b"open sesame").private_bytes_raw() == KEY.private_bytes_raw()
    with pytest.raises(InputError, match=r"locked\.pem"):
        load_private_key(locked, lambda: b"wrong")
    public = tmp_path / "public.pem"
    public.write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert load_public_key(public) == PUBLIC
    (tmp_path / "none.pem").write_text("no key")
    for load in (lambda path: load_private_key(path, never), load_public_key):
        with pytest.raises(InputError, match=r"none\.pem"):
            load(tmp_path / "none.pem")


def test_the_command_says_what_holds_and_what_does_not(dossier, tmp_path):
    public = tmp_path / "public.pem"
    public.write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    fine = CliRunner().invoke(app, ["verify", str(dossier), "--public-key", str(public)])
    assert fine.exit_code == 0, fine.output
    assert "3 inputs unchanged" in fine.output
    assert "Signed by the key given" in fine.output
    (dossier / "report" / "index.html").write_text("<p>4 railcars</p>")
    spoilt = CliRunner().invoke(app, ["verify", str(dossier)])
    assert spoilt.exit_code == 1
    assert "report/index.html: was changed" in spoilt.output
    absent = CliRunner().invoke(app, ["verify", str(tmp_path / "nowhere")])
    assert (absent.exit_code, "Traceback" in absent.output) == (2, False)


def test_names_from_strangers_are_shown_as_text(dossier):
    (dossier / "\x1b[2J[bold]\u202egpj.html").write_text("")
    said = CliRunner().invoke(app, ["verify", str(dossier)])
    assert said.exit_code == 1
    assert "\\x1b[2J[bold]\\u202egpj.html" in said.output
