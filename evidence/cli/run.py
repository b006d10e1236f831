"""``yardwatch run CONFIG``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evidence.cli.executors import Memory, Scheduler, Where, Workers, chosen
from evidence.cli.stores import BYTES, OBJECTS, CacheFolder, MostBytes, MostObjects, bringing, results_in
from evidence.cli.terminal import summarise, told

NAME = "run"


def main(
    config: Annotated[Path, typer.Argument(help="YAML config, such as configs/sample.yaml.")],
    out: Annotated[str, typer.Option(help="Folder for the results, or s3://, gs://, az://.")] = "out",
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="key=value that replaces a config value; repeatable.")
    ] = None,
    sign: Annotated[
        Path | None, typer.Option(help="Ed25519 private key (PEM) that signs the dossier.")
    ] = None,
    with_inputs: Annotated[
        bool, typer.Option("--with-inputs", help="Copy the inputs into the dossier.")
    ] = False,
    executor: Where = "local",
    scheduler: Scheduler = None,
    workers: Workers = 0,
    memory: Memory = None,
    cache: CacheFolder = None,
    most_objects: MostObjects = OBJECTS,
    most_bytes: MostBytes = BYTES,
) -> None:
    """Measure the tiles of a config, hold them against five years and judge the claims.

    Example: yardwatch run configs/sample.yaml --out out/sample --set baseline_years=3
    """
    with told():
        from evidence.cli.progress import with_progress
        from evidence.config import load_config
        from evidence.dossier.package import Sealing
        from evidence.dossier.seal import load_private_key

        key = load_private_key(sign, _password) if sign else None
        sealing = Sealing(key, with_inputs)
        looker = chosen(executor, scheduler, workers, memory)
        settings = load_config(config, set_ or (), bringing(cache, most_objects, most_bytes))
        with results_in(out, cache) as folder:
            summarise(with_progress(settings, folder, sealing, looker))


def _password() -> bytes:
    return str(typer.prompt("Password of the key", hide_input=True, err=True)).encode()
