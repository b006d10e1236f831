"""``yardwatch verify DOSSIER``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evidence.cli.stores import CacheFolder, brought, cache_folder
from evidence.cli.terminal import complaints, console, escape, told

if TYPE_CHECKING:
    from evidence.dossier.verify import Held

NAME = "verify"


def main(
    dossier: Annotated[str, typer.Argument(help="A dossier, or the folder or URL of the run around it.")],
    seal: Annotated[str | None, typer.Option(help="The seal noted when it was made; 16 digits do.")] = None,
    public_key: Annotated[
        Path | None, typer.Option(help="Ed25519 key (PEM) of who must have signed.")
    ] = None,
    inputs: Annotated[
        str | None, typer.Option(help="Where the paths of the inputs start, if the dossier was moved.")
    ] = None,
    no_inputs: Annotated[bool, typer.Option("--no-inputs", help="Check the dossier alone.")] = False,
    rerun: Annotated[bool, typer.Option("--rerun", help="Compute it again and compare.")] = False,
    tolerance: Annotated[float, typer.Option(help="Relative difference that a rerun may show.")] = 1e-3,
    cache: CacheFolder = None,
) -> None:
    """Check every byte of a dossier and name the first thing that does not hold; exit code 0 or 1.

    Example: yardwatch verify out/sample --rerun
    """
    from evidence.dossier.seal import DOSSIER, load_public_key
    from evidence.dossier.verify import Broken, verify
    from evidence.report.words import printable
    from imagery.sources.stores.address import root_of

    with told():
        try:
            key = load_public_key(public_key) if public_key else None
            folder = brought(dossier, cache, DOSSIER)
            start = root_of(brought(inputs, cache)) or Path(inputs) if inputs else None
            held = verify(folder, seal, key, start, not no_inputs, cache_folder(cache))
            _say(held, known_key=key is not None)
            if rerun:
                _rerun(held, tolerance)
        except Broken as broken:
            text = escape(printable(str(broken)))
            complaints.print(f"[bold red]does not hold:[/] {text}", highlight=False, soft_wrap=True)
            raise typer.Exit(1) from broken


def _say(held: Held, known_key: bool) -> None:
    seal = held.seal
    looked = f"{len(held.inputs)} inputs unchanged" if held.base else "inputs not looked at"
    console.print(f"[green]holds:[/] {len(seal.files)} files, {len(seal.steps)} steps, {looked}")
    console.print(f"seal    {seal.seal_sha256}\ncontent {seal.content_sha256}", highlight=False)
    if seal.public_key is None:
        console.print("Not signed: whoever can write the folder can seal it anew. Compare the seal.")
    elif known_key:
        console.print("Signed by the key given.")
    else:
        console.print(f"Signed by {seal.public_key}: is that the signer's key? Give it with --public-key.")


def _rerun(held: Held, tolerance: float) -> None:
    from evidence.dossier.rerun import OTHER_CODE, rerun

    again = rerun(held, tolerance)
    console.print(
        f"[green]comes out the same:[/] {again.measurements} measurements and {again.verdicts} verdicts, "
        f"largest difference {again.largest:.2g} (tolerance {tolerance:g})"
    )
    if not again.same_code:
        console.print(f"{OTHER_CODE}.")
