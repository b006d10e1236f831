"""One config on two painted stories: autumn 2023 as reported, and nothing happening. SIMULATED, both.

    make run
    yardwatch simulate configs/simulate/quiet.yaml --out out/quiet-tiles
    yardwatch run configs/sample.yaml --set "tiles=[../out/quiet-tiles]" --out out/quiet
    python -m benchmarks.scenarios out/sample out/quiet

Nothing differs between the runs but the tiles. Beside each verdict stands what the same rules say where every
day is known as it was painted; benchmarks/results/scenarios.md holds the table.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from benchmarks.occupancy_rows.quiet import readings
from evidence.claims import Claim, load_claims
from evidence.verdicts.verdict import judge
from imagery.synthetic.scenario import load_scenario

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "scenarios.md"
STORIES = ("as-reported", "quiet")


def verdicts_of(run: Path) -> dict[str, str]:
    """Verdict of each claim in a finished run."""
    return {one["claim_id"]: one["verdict"] for one in json.loads((run / "verdicts.json").read_text())}


def painted(story: str, claims: list[Claim]) -> dict[str, str]:
    """The same with every day's true counts in place of measurements; empty where no truth is kept."""
    scenario = load_scenario(ROOT / "configs" / "simulate" / f"{story}.yaml")
    _, true = readings(scenario, scenario.seed)
    known = {one.quantity for one in true}
    return {claim.id: judge(claim, true).verdict if claim.quantity in known else "" for claim in claims}


def table(runs: list[dict[str, str]], truths: list[dict[str, str]], claims: list[Claim]) -> list[str]:
    """Claims that imagery could test, as Markdown."""
    lines = [
        "| claim | | " + " | ".join(f"{story}: run | as painted" for story in STORIES) + " |",
        "|---|---|---|---|---|---|",
    ]
    for claim in claims:
        found = [run[claim.id] for run in runs]
        if set(found) != {"out of reach"}:
            cells = [f"{run} | {truth[claim.id]}" for run, truth in zip(found, truths, strict=True)]
            lines.append(f"| {claim.id} | {claim.text} | {' | '.join(cells)} |")
    return lines


def summary(runs: list[dict[str, str]], truths: list[dict[str, str]]) -> list[str]:
    """How many of each verdict, and which support or contradict what is not painted so."""
    lines = []
    for story, run, truth in zip(STORIES, runs, truths, strict=True):
        counts = Counter(run.values())
        told = ", ".join(f"{counts[kind]} {kind}" for kind in ("supported", "contradicted", "undecided"))
        wrong = [
            f"{id} ({verdict})"
            for id, verdict in run.items()
            if verdict in ("supported", "contradicted") and truth[id] not in ("", verdict)
        ]
        lines.append(f"- {story}: {told}; not as painted: {', '.join(wrong) or 'none'}.")
    first, second = ({id for id, verdict in run.items() if verdict == "supported"} for run in runs)
    lines.append(f"- Supported on {STORIES[0]} and not on {STORIES[1]}: {', '.join(sorted(first - second))}.")
    lines.append(f"- Supported on {STORIES[1]}: {', '.join(sorted(second)) or 'none'}.")
    return lines


def main() -> None:
    """Write the table."""
    folders = [Path(argument) for argument in sys.argv[1:3]]
    claims = load_claims([ROOT / "seeds" / "claims"])
    runs, truths = [verdicts_of(folder) for folder in folders], [painted(story, claims) for story in STORIES]
    text = [
        "# One config, two stories (SIMULATED)",
        "",
        "configs/sample.yaml on tiles of configs/simulate/as-reported.yaml and of quiet.yaml; written by",
        "`python -m benchmarks.scenarios`.",
        "",
        *summary(runs, truths),
        "",
        *table(runs, truths, claims),
    ]
    RESULT.write_text("\n".join(text) + "\n", encoding="utf-8")
    print("\n".join(summary(runs, truths)))


if __name__ == "__main__":
    main()
