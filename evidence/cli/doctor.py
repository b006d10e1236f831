"""``yardwatch doctor``."""

from __future__ import annotations

import typer

from evidence.cli.terminal import console, told

NAME = "doctor"


def main() -> None:
    """Say what is installed and what works on this machine."""
    with told():
        from rich.table import Table

        from evidence.doctor import checkup

        checks = checkup()
        table = Table("what", "state", "detail")
        for check in checks:
            table.add_row(check.what, "[green]ok[/]" if check.ok else "[red]broken[/]", check.detail)
        console.print(table)
        if not all(check.ok for check in checks):
            raise typer.Exit(1)
