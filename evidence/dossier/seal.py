"""What makes a dossier checkable: canonical JSON, a chain of steps, one seal over every file, a signature.

The seal lists each file with its SHA-256, and each step of the run by its own hash, which also covers the
hash of the step before. Ed25519 signatures: RFC 8032.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from pydantic import BaseModel, ConfigDict, Field

from imagery.errors import InputError
from imagery.textfile import read_text

FORMAT: Literal["yardwatch dossier 1"] = "yardwatch dossier 1"
DOSSIER = "dossier"
SEAL, STEPS, SIGNATURE, CRATE = "seal.json", "steps.jsonl", "signature.txt", "ro-crate-metadata.json"
INPUTS, CONFIG, SOFTWARE, HELD = "inputs.json", "config.json", "software.json", "inputs"
"""Names inside every dossier; HELD is the folder of inputs that were copied in."""
FIRST = "0" * 64
"""What stands for the hash of the step before the first one."""
MAX_KEY_BYTES = 16_384

Hex = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Plain(BaseModel):
    """Values as they stand in a file of ours: unknown keys and wrong types are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Entry(Plain):
    """One file, by what is in it."""

    sha256: Hex
    """Of its bytes."""
    bytes: int = Field(ge=0)
    """Its size."""


class Step(Plain):
    """One step of a run: what it rested on and what it wrote, chained to the step before."""

    index: int = Field(ge=0)
    """Counted from 0."""
    step: str
    """What was done, in a word."""
    read: dict[str, Hex]
    """SHA-256 of each file that it rested on, by path in the dossier; earlier steps wrote them."""
    wrote: dict[str, Hex]
    """SHA-256 of each file that it wrote, by path in the dossier."""
    previous: Hex
    """Hash of the step before, FIRST where there is none."""
    hash: Hex
    """SHA-256 of all the above in canonical JSON."""

    def computed(self) -> str:
        """What ``hash`` must be."""
        return digest(self.model_dump(exclude={"hash"}))

    def line(self) -> bytes:
        """Its line in ``steps.jsonl``."""
        return canonical(self.model_dump())


class Seal(Plain):
    """The one file that all else hangs on."""

    format: Literal["yardwatch dossier 1"] = FORMAT
    """Which rules hold."""
    files: dict[str, Entry]
    """Every file of the dossier but the seal and its signature, by path."""
    steps: tuple[Hex, ...]
    """Hash of each step, in order."""
    public_key: Hex | None
    """Raw Ed25519 key of who signed, None where nobody did."""
    content_sha256: Hex
    """Over all that two equal runs share: the files without CRATE, which alone says when."""
    seal_sha256: Hex
    """Over all the above."""

    def computed(self) -> str:
        """What ``seal_sha256`` must be."""
        return digest(self.model_dump(mode="json", exclude={"seal_sha256"}))

    def computed_content(self) -> str:
        """What ``content_sha256`` must be."""
        return digest({path: entry.model_dump() for path, entry in self.files.items() if path != CRATE})

    def data(self) -> bytes:
        """The bytes of ``seal.json``."""
        return canonical(self.model_dump(mode="json"), indent=1)


def canonical(value: Any, indent: int | None = None) -> bytes:
    """JSON that is the same for equal values: keys sorted, ASCII, finite numbers, a newline at the end."""
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(value, sort_keys=True, allow_nan=False, indent=indent, separators=separators)
    return (text + "\n").encode("ascii")


def digest(value: Any) -> str:
    """SHA-256 of a value's canonical JSON, hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()


def next_step(chain: Sequence[Step], name: str, read: Mapping[str, str], wrote: Mapping[str, str]) -> Step:
    """The step that follows on a chain."""
    previous = chain[-1].hash if chain else FIRST
    step = Step(
        index=len(chain), step=name, read=dict(read), wrote=dict(wrote), previous=previous, hash=FIRST
    )
    return step.model_copy(update={"hash": step.computed()})


def make_seal(files: Mapping[str, Entry], chain: Sequence[Step], public_key: str | None) -> Seal:
    """The seal over these files and steps."""
    seal = Seal(
        files=dict(files),
        steps=tuple(step.hash for step in chain),
        public_key=public_key,
        content_sha256=FIRST,
        seal_sha256=FIRST,
    )
    seal = seal.model_copy(update={"content_sha256": seal.computed_content()})
    return seal.model_copy(update={"seal_sha256": seal.computed()})


def climbs(path: str) -> bool:
    """Whether a path from outside is anything but a plain way down from where it starts."""
    pure = PurePosixPath(path)
    try:
        os.fsencode(path)
    except UnicodeEncodeError:  # half a character: no file is called so
        return True
    odd = not path or "\\" in path or "\0" in path or pure.as_posix() != path
    return odd or pure.is_absolute() or ".." in pure.parts


def parents(paths: Iterable[str]) -> set[str]:
    """Every folder on the way down to the paths."""
    return {above.as_posix() for path in paths for above in PurePosixPath(path).parents} - {"."}


def load_private_key(path: Path, password: Callable[[], bytes]) -> Ed25519PrivateKey:
    """An Ed25519 key from a PEM file, such as ``openssl genpkey -algorithm ed25519`` writes.

    Args:
        path: The file.
        password: Asked only where the key is locked.

    Raises:
        InputError: The file cannot be read, holds another kind of key, or needs another password.
    """
    data = read_text(path, MAX_KEY_BYTES).encode()
    try:
        key = load_pem_private_key(data, password() if b"ENCRYPTED" in data else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError(f"{path}: no private key can be read from it ({error})") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{path}: holds {type(key).__name__}; give an Ed25519 key")
    return key


def load_public_key(path: Path) -> str:
    """The raw bytes of an Ed25519 public key in a PEM file, hexadecimal.

    Raises:
        InputError: The file cannot be read or holds another kind of key.
    """
    data = read_text(path, MAX_KEY_BYTES).encode()
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(f"{path}: no public key can be read from it ({error})") from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(f"{path}: holds {type(key).__name__}; give an Ed25519 key")
    return key.public_bytes_raw().hex()


def signed(seal: Seal, key: Ed25519PrivateKey) -> bytes:
    """The bytes of ``signature.txt``: the signature of ``seal.json``, hexadecimal, and a newline."""
    return f"{key.sign(seal.data()).hex()}\n".encode("ascii")


def is_signed(seal: Seal, signature: bytes) -> bool:
    """Whether the bytes of ``signature.txt`` are the seal's, by the key that the seal names."""
    if seal.public_key is None:
        return False
    try:
        raw = bytes.fromhex(signature.decode("ascii"))
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(seal.public_key)).verify(raw, seal.data())
    except (ValueError, InvalidSignature):
        return False
    return signature == f"{raw.hex()}\n".encode("ascii")
