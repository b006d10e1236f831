"""A verified dossier computed again from its inputs, and what comes out held against what it says."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

from evidence.config import anchored
from evidence.dossier.contents import NUMBERS, Rows, code_of, config_in, measurements_in, verdicts_in
from evidence.dossier.verify import Broken, Held
from evidence.files import code_digest, link_or_copy
from evidence.run import run
from imagery.errors import InputError
from imagery.whole import written

TOLERANCE = 1e-3
"""Relative difference of a value or of an end of its interval that another processor may make."""
OTHER_CODE = "This installation's code or weights are not those of the dossier"


@dataclass(frozen=True)
class Rerun:
    """What was computed again and came out the same."""

    measurements: int
    """How many were held against each other."""
    verdicts: int
    """How many were held against each other."""
    largest: float
    """Largest relative difference between two numbers."""
    same_code: bool
    """Whether this installation's code and weights are those of the dossier."""


def rerun(held: Held, tolerance: float = TOLERANCE) -> Rerun:
    """Compute a dossier again in a temporary folder, from exactly its inputs.

    Args:
        held: A dossier that was verified, its inputs too.
        tolerance: Relative difference up to which two numbers count as the same; whole numbers below one in
            ``tolerance`` must thus be equal, as must verdicts.

    Returns:
        What was compared.

    Raises:
        Broken: A measurement or verdict is missing, new or different.
        YardwatchError: The run fails.
    """
    if held.base is None:
        raise InputError("a rerun needs the inputs: give their folder with --inputs")
    with tempfile.TemporaryDirectory(prefix="yardwatch-") as temporary:
        there, out = Path(temporary, "inputs"), Path(temporary, "out")
        for name in held.inputs:
            with written(there / name) as path:
                link_or_copy(held.place(name), path)
        run(anchored(config_in(held), there), out, "yardwatch verify --rerun")
        measured = [measurements_in(folder) for folder in (held.folder, out)]
        judged = [verdicts_in(folder) for folder in (held.folder, out)]
    same_code = code_of(held) == code_digest()
    try:
        differences = [_compare("measurement", tolerance, *measured), _compare("verdict", tolerance, *judged)]
    except Broken as broken:
        if same_code:
            raise
        raise Broken(broken.what, broken.name, f"{broken.why}. {OTHER_CODE}") from None
    return Rerun(len(measured[0]), len(judged[0]), max(differences), same_code)


def _compare(what: str, tolerance: float, before: Rows, after: Rows) -> float:
    """The largest relative difference, or the first thing that differs by more."""
    for key in sorted(before.keys() ^ after.keys()):
        where = "the dossier has it and the rerun has not" if key in before else "the rerun alone has it"
        raise Broken("result", f"{what} {' '.join(key)}", where)
    largest = 0.0
    for key, numbers in sorted(before.items()):
        for name, old, new in zip(NUMBERS, numbers, after[key], strict=True):
            apart = _apart(old, new)
            if not apart <= tolerance:
                said = f"its {name} came out as {new:g}, not {old:g}, further apart than {tolerance:g}"
                raise Broken("result", f"{what} {' '.join(key)}", said)
            largest = max(largest, apart)
    return largest


def _apart(old: float, new: float) -> float:
    if old == new or (math.isnan(old) and math.isnan(new)):
        return 0.0
    return abs(old - new) / max(abs(old), abs(new))
