"""A look at a cube before a library opens it: what could it make us open, run, or take into memory?

It may not link to other files, and of Zarr codecs only those that decode bytes are let in (one of the others
unpickles, which runs code).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np

from imagery.errors import UnreadableError

MAX_CHUNK_BYTES = 256 * 2**20
"""Largest chunk that a cube may force into memory at once."""
MAX_AXIS = 1_000_000
"""Longest axis: its values are taken into memory as soon as the cube is opened."""

_CODECS = frozenset(
    {"bytes", "transpose", "blosc", "zstd", "gzip", "zlib", "bz2", "lzma", "lz4", "shuffle", "delta"}
    | {"crc32c", "crc32", "fixedscaleoffset", "bitround", "vlen-utf8", "sharding_indexed", "packbits"}
)
_CODEC_KEYS = ("filters", "compressor", "codecs")


def engine_of(path: Path) -> str:
    """Xarray's engine for the file, after a look at what it could make us open or run."""
    if path.is_dir():
        _check_store(path)
        return "zarr"
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(b"CDF"):
        return "scipy"
    if not head.startswith(b"\x89HDF\r\n\x1a\n"):
        reason = "not-an-image" if head else "empty-file"
        raise UnreadableError(f"{path.name} is no NetCDF file (it starts with {head!r})", reason)
    with h5py.File(path, "r") as file:
        # Raising inside these visits confuses h5py; what they return ends them.
        elsewhere = file.visititems_links(_external) or file.visititems(_stored_elsewhere)
        if elsewhere:
            raise UnreadableError(f"{path.name}: {elsewhere} lies in another file: refused", "outside-folder")
        nodes: list[Any] = []
        file.visititems(lambda _, node: nodes.append(node))
        for node in nodes:
            if isinstance(node, h5py.Dataset):
                check_chunk(path, node.name, node.chunks, node.dtype)
                _check_axis(path, node.name, node.shape)
    return "h5netcdf"


def _external(name: str, link: object) -> str | None:
    return name if isinstance(link, h5py.ExternalLink) else None


def _stored_elsewhere(name: str, node: Any) -> str | None:
    return name if isinstance(node, h5py.Dataset) and (node.external or node.is_virtual) else None


def _check_axis(path: Path, name: str, shape: Sequence[int] | None) -> None:
    if shape is not None and len(shape) == 1 and shape[0] > MAX_AXIS:
        raise UnreadableError(
            f"{path.name}: {name} has {shape[0]} values, at most {MAX_AXIS} are accepted along one axis",
            "too-large",
        )


def check_chunk(path: Path, name: str, chunk: Sequence[int] | None, dtype: Any) -> None:
    """Refuse a chunk that would take too much memory.

    Raises:
        UnreadableError: It is larger than MAX_CHUNK_BYTES.
    """
    size = int(np.prod(chunk or (0,), dtype=np.float64)) * np.dtype(dtype).itemsize
    if size > MAX_CHUNK_BYTES:
        raise UnreadableError(
            f"{path.name}: one chunk of {name} takes {size / 2**20:.0f} MiB, at most "
            f"{MAX_CHUNK_BYTES // 2**20} are accepted; store it in smaller chunks",
            "too-large",
        )


def _check_store(path: Path) -> None:
    """Refuse a Zarr store with links, or with a codec that is not known to only decode bytes."""
    for place, folders, names in os.walk(path):
        for name in (*folders, *names):
            if Path(place, name).is_symlink():
                raise UnreadableError(f"{path.name}: {name} is a link, which is refused", "outside-folder")
        for name in {".zarray", "zarr.json"} & set(names):
            body = json.loads(Path(place, name).read_text(encoding="utf-8"))
            # In the order in which they encode, so that the last one made the bytes of the file.
            codecs = [name for key in _CODEC_KEYS for name in _codecs(body.get(key), True)]
            unknown = sorted(set(codecs) - _CODECS)
            if unknown:
                raise UnreadableError(
                    f"{path.name}: codec {', '.join(unknown)} is refused; use zstd, blosc or gzip",
                    "unsafe-codec",
                )
            if "blosc" in codecs:
                _check_blosc(path, Path(place), codecs)
            _check_axis(path, Path(place).name, body.get("shape"))
            chunk = body.get("chunks")
            if isinstance(chunk, list) and isinstance(body.get("dtype"), str):
                check_chunk(path, Path(place).name, chunk, body["dtype"])


def _check_blosc(path: Path, array: Path, codecs: list[str]) -> None:
    """Blosc believes the sizes in a chunk's header, and reads past the end of a chunk that is too short."""
    if codecs[-1] != "blosc" or "sharding_indexed" in codecs:
        raise UnreadableError(f"{path.name}: blosc must be the last codec of {array.name}", "unsafe-codec")
    for chunk in sorted(array.rglob("*")):
        if not chunk.is_file() or chunk.name.startswith((".z", "zarr")):
            continue
        with chunk.open("rb") as file:
            head = file.read(16)
        size, length = (int.from_bytes(head[i : i + 4], "little") for i in (4, 12))
        if len(head) < 16 or length != chunk.stat().st_size or size > MAX_CHUNK_BYTES:
            raise UnreadableError(f"{path.name}: chunk {chunk.name} of {array.name} is damaged or cut off")


def _codecs(body: Any, inside: bool = False) -> Iterator[str]:
    """Names of all codecs in the metadata of an array."""
    if isinstance(body, list):
        for part in body:
            yield from _codecs(part, inside)
    elif isinstance(body, dict):
        if inside:
            yield str(body.get("id", body.get("name"))).removeprefix("numcodecs.")
        for key, part in body.items():
            if key in {*_CODEC_KEYS, "index_codecs"}:
                yield from _codecs(part, True)
            elif key == "configuration":
                yield from _codecs(part, False)
