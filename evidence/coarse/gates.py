"""What the gates kept back, and how the answers change without them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from evidence.ledger import Outcome
from evidence.verdicts.verdict import Verdict


def gate_notes(
    outcomes: Sequence[Outcome], verdicts: Sequence[Verdict], without: Sequence[Verdict]
) -> list[str]:
    """One sentence on the dates that were measured and kept back, and one a claim that they would change.

    Args:
        outcomes: End states of the run.
        verdicts: The run's verdicts; they rest on dates that pass.
        without: Verdicts on the same claims, in the same order, from all measured dates.

    Returns:
        Nothing where no measured date has a gate.
    """
    gates = [gate for outcome in outcomes if (gate := _gate(outcome))]
    if not gates:
        return []
    kept_back = Counter(gate.split(":")[0] for outcome in outcomes if (gate := _gate(outcome, failed=True)))
    why = ", ".join(f"{count} {rule}" for rule, count in kept_back.most_common())
    notes = [
        f"{sum(kept_back.values())} of {len(gates)} dates measured below one pixel do not pass the gate "
        f"({why or 'none'}): they are in the tables, and no verdict rests on them."
    ]
    for verdict, other in zip(verdicts, without, strict=True):
        if other.verdict != verdict.verdict:
            notes.append(
                f"Without the gate {verdict.claim_id} would be {other.verdict}, not {verdict.verdict}."
            )
    if verdicts and len(notes) == 1:
        notes.append("Without the gate every verdict would be the same.")
    return notes


def _gate(outcome: Outcome, failed: bool = False) -> str:
    """What the gate says of an outcome, empty where there is none or, if ``failed``, where it passes."""
    said = [one.gate for one in outcome.measurements if one.gate and (one.gated_out or not failed)]
    return said[0] if said else ""
