"""The command line: one file a command, each a few lines over a function that stands elsewhere."""

import typer

from evidence.cli import (
    adapt,
    axes,
    claims,
    compare,
    compare_runs,
    count,
    coverage,
    doctor,
    export,
    export_model,
    fetch,
    info,
    open,
    review,
    run,
    score,
    simulate,
    site,
    sweep,
    train,
    verify,
)

app = typer.Typer(
    name="yardwatch",
    help="Rail-yard and port imagery turned into evidence: counts, baselines and verdicts, with intervals.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    run,
    compare,
    sweep,
    compare_runs,
    fetch,
    coverage,
    count,
    score,
    adapt,
    axes,
    train,
    info,
    simulate,
    claims,
    verify,
    review,
    export,
    export_model,
    open,
    doctor,
):
    app.command(command.NAME)(command.main)
app.add_typer(site.app, name=site.NAME)
