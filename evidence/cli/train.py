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
    """Simulate yards and fit the nets; the same command goes on where it was stopped.

    A config with ``model: occupancy`` fits the net that reads filled track from coarse images, any other the
    nets that read wagons. Paths in a config are relative to the folder in which the command is given.

    Example: yardwatch train configs/train/base.yaml configs/train/wagons.yaml
    """
    with told():
        from evidence.config import check_config, parse_overrides, read_yaml
        from models.occupancy.fillconfig import FillConfig
        from models.occupancy.learn import train_fill
        from models.wagons.train import TrainConfig, train

        def say(text: str) -> None:
            console.print(escape(text), highlight=False)

        over = parse_overrides(set_ or ())
        values = [{**read_yaml(path), **over} for path in configs]
        # All are checked before the first is trained.
        checked = [
            check_config(FillConfig, one, str(path))
            if "model" in one
            else check_config(TrainConfig, one, str(path))
            for path, one in zip(configs, values, strict=True)
        ]
        for config in checked:
            console.print(f"[bold]{escape(config.name)}[/] into {escape(str(config.into))}", highlight=False)
            if isinstance(config, FillConfig):
                train_fill(config, say)
            else:
                train(config, say)
