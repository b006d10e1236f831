"""Runs ``yardwatch fetch`` in forked children: starting an interpreter 200 times takes longer than the test.

Reads lines of arguments (JSON) from stdin; answers each with the child's id, then with its wait status.
"""

import json
import os
import sys

import typer

import evidence.cli.fetch
import evidence.cli.fetch_progress
import evidence.places.fetching

app = typer.Typer()
app.command(evidence.cli.fetch.NAME)(evidence.cli.fetch.main)


def child(args):
    sys.stdout = sys.stderr = open(os.devnull, "w")
    try:
        app(args)
    except SystemExit as end:
        os._exit(end.code or 0)
    os._exit(70)


def run():
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            child(json.loads(line))
        print(pid, flush=True)
        print(os.waitpid(pid, 0)[1], flush=True)


if __name__ == "__main__":
    run()
