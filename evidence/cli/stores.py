"""What commands that take URLs share: options, the cache, progress, results in a bucket."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evidence.cli.terminal import console, escape
from imagery.errors import ConfigError

if TYPE_CHECKING:
    from imagery.sources.stores.address import Address
    from imagery.sources.stores.bucket import Bucket
    from imagery.sources.stores.source import Source

CacheFolder = Annotated[
    Path | None, typer.Option("--cache", help="Keeps what was read from URLs; ~/.cache/yardwatch.")
]
MostObjects = Annotated[int, typer.Option(min=1, help="Objects that URLs may hold.")]
MostBytes = Annotated[str, typer.Option(help="Bytes that they may hold.")]
OBJECTS, BYTES = 20_000, "20GiB"


def cache_folder(given: Path | None = None) -> Path:
    """The folder asked for, or the one of this login."""
    return given or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "yardwatch"


def bringing(
    cache: Path | None, objects: int = OBJECTS, size: str = BYTES
) -> Callable[[Sequence[Address]], Path]:
    """What brings objects into the cache, with a progress bar; see Cache.bring."""

    def bring(addresses: Sequence[Address]) -> Path:
        from rich.progress import DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        from evidence.execute.memory import parse_bytes
        from imagery.sources.stores.cache import Cache
        from imagery.sources.stores.source import Bounds

        sources = [_source(address) for address in addresses]
        columns = (TextColumn("reading"), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("", total=None)
            return Cache(cache_folder(cache)).bring(
                sources,
                Bounds(objects, parse_bytes(size)),
                lambda there, all_: progress.update(task, completed=there, total=all_),
            )

    return bring


@contextmanager
def results_in(out: str, cache: Path | None) -> Iterator[Path]:
    """The folder in which a run works: ``out``, or one in the cache that goes to the bucket of ``out``.

    Raises:
        YardwatchError: The bucket cannot be used, or another run writes there.
    """
    from imagery.sources.stores.address import BUCKETS, is_url, parse

    if not is_url(out):
        yield Path(out)
        return
    from evidence.checkpoint import FINISHED
    from evidence.dossier.seal import DOSSIER
    from evidence.review.counts import MARKS

    address = parse(out)
    if address.scheme not in BUCKETS:
        raise ConfigError(f"--out {address.bare}: results go to a folder or a bucket")
    folder = cache_folder(cache).expanduser().resolve() / "out" / address.name
    bucket = _bucket(address)  # which says what is missing, before the next line needs it
    from imagery.sources.stores.mirror import Mirror

    def say(text: str) -> None:
        console.print(escape(text), highlight=False, soft_wrap=True)

    with Mirror(bucket, folder, FINISHED, DOSSIER, (MARKS,), say):
        yield folder


def brought(given: str, cache: Path | None, below: str = "") -> Path:
    """A path as it is, or what lies at a URL in the cache.

    Args:
        given: A path or a URL.
        cache: See cache_folder.
        below: Part that is enough, where the URL has it.
    """
    from imagery.sources.stores.address import BUCKETS, is_url, parse

    if not is_url(given):
        return Path(given)
    address = parse(given)
    if below and address.scheme in BUCKETS and any(_bucket(address).below(below).objects()):
        address = address.child(below)
    return bringing(cache)([address]) / address.name


def on_disk(path: Path) -> Path:
    """A folder that must lie on a disk.

    Raises:
        ConfigError: It is written like a URL.
    """
    from imagery.sources.stores.address import is_name

    if is_name(path.as_posix()):
        raise ConfigError(f"{path}: only `yardwatch run` and `count` write to a bucket; give a folder")
    return path


def _source(address: Address) -> Source:
    from imagery.sources.stores.address import WEB

    if address.scheme not in WEB:
        return _bucket(address)
    from imagery.sources.stores.webfile import WebFile

    return WebFile(address)


def _bucket(address: Address) -> Bucket:
    try:
        from imagery.sources.stores.bucket import Bucket
    except ImportError as error:
        raise ConfigError(
            f"{address.bare} needs obstore ({error}): pip install 'yardwatch[stores]'"
        ) from error
    return Bucket(address)
