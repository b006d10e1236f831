"""The files of a finished run, read again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from evidence.verdicts.verdict import Verdict
from imagery.errors import InputError
from imagery.textfile import read_text

LIMIT_BYTES = 2**26
"""A file of verdicts is far smaller."""
MOST_CELLS = 2**28
"""Of a table: some ten million boxes."""
_TEXT = (pa.string(), pa.large_string(), pa.null())
_NUMBERS = ("gsd_m", "value", "low", "high", "simulated")


def read_measurements(run: Path) -> pd.DataFrame:
    """The measurements of a run, their dates as UTC.

    Raises:
        InputError: There is no such table.
    """
    path = run / "measurements.parquet"
    table = read_table(path, ("site", "scene_id", "taken_at", "quantity", "method"), _NUMBERS)
    try:
        times = pd.to_datetime(table["taken_at"], utc=True)
    except ValueError as error:
        raise _no_table(path, error) from error
    return table.assign(taken_at=times, simulated=table["simulated"] == 1)


def read_table(path: Path, texts: Sequence[str], numbers: Sequence[str] = ()) -> pd.DataFrame:
    """A Parquet table that a run or a sweep has written, whoever hands it over.

    Args:
        path: The file.
        texts: Columns that must be there and hold text.
        numbers: Columns that must be there and hold numbers.

    Returns:
        All its columns, those of ``numbers`` as float64.

    Raises:
        InputError: It is no such table, or larger than any of ours.
    """
    try:
        with pq.ParquetFile(path) as file:
            cells = file.metadata.num_rows * file.metadata.num_columns
            if cells > MOST_CELLS:
                raise ValueError(f"{cells} cells, at most {MOST_CELLS} are read")
            if wrong := [name for name in texts if file.schema_arrow.field(name).type not in _TEXT]:
                raise ValueError(f"no text in {', '.join(wrong)}")
            whole = file.read()
        whole.validate(full=True)  # text that is no UTF-8, lists whose ends lie elsewhere
        # What pandas has written about the table is not needed, and a reader of its own.
        table: pd.DataFrame = whole.to_pandas(ignore_metadata=True)
        return table.astype(dict.fromkeys(numbers, np.float64))
    except (OSError, ValueError, LookupError, TypeError, NotImplementedError, pa.ArrowException) as error:
        raise _no_table(path, error) from error


def _no_table(path: Path, error: Exception) -> InputError:
    said = " ".join(str(error).split())[:200]
    return InputError(f"{path} is no table of a run ({said}); give the folder of `yardwatch run`")


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
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"{path} holds no verdicts of a run ({error!r}); give the folder of `yardwatch run`"
        ) from error
