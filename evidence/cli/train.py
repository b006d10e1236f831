"""``yardwatch train CONFIG...``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evidence.cli.terminal import console, escape, told

NAME = "train"


def main(
    configs: Annotated[list[Path], typer.Argument(help="YAML configs, trained in this order.")],
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="key=value that replaces a value in each; repeatable.")
    ] = None,
) -> None:
    """Paint yards and fit the nets that read wagons; the same command goes on where it was stopped.

    Paths in a config are relative to the folder in which the command is given.

    Example: yardwatch train configs/train/base.yaml configs/train/wagons.yaml
    """
    with told():
        from evidence.config import check_config, parse_overrides, read_yaml
        from models.wagons.train import TrainConfig, train

        over = parse_overrides(set_ or ())
        # All are checked before the first is trained.
        checked = [check_config(TrainConfig, {**read_yaml(path), **over}, str(path)) for path in configs]
        for config in checked:
            console.print(f"[bold]{escape(config.name)}[/] into {escape(str(config.into))}", highlight=False)
            train(config, say=lambda text: console.print(escape(text), highlight=False))
