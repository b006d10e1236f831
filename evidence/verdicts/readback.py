"""The files of a finished run, read again."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pandas as pd

from evidence.verdicts.verdict import Verdict
from imagery.errors import InputError
from imagery.textfile import read_text

LIMIT_BYTES = 2**26
"""A file of verdicts is far smaller."""


def read_measurements(run: Path) -> pd.DataFrame:
    """The measurements of a run, their dates as UTC.

    Raises:
        InputError: There are none.
    """
    path = run / "measurements.parquet"
    try:
        table = pd.read_parquet(path)
        return table.assign(taken_at=pd.to_datetime(table["taken_at"], utc=True))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path} is no table of a run ({error}); give the folder of `yardwatch run`"
        ) from error


def read_verdicts(run: Path) -> list[Verdict]:
    """The verdicts of a run.

    Raises:
        InputError: There are none.
    """
    path = run / "verdicts.json"
    known = {field.name for field in fields(Verdict)}
    text = read_text(path, LIMIT_BYTES)
    try:
        rows = json.loads(text)
        return [Verdict(**{**row, "scene_ids": tuple(row["scene_ids"])}) for row in rows if known >= set(row)]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} holds no verdicts of a run ({error!r}); give the folder of `yardwatch run`"
        ) from error
