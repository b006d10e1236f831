"""The RO-Crate metadata of a dossier (RO-Crate 1.1, https://w3id.org/ro/crate/1.1), as JSON-LD."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from evidence.dossier.seal import CONFIG, CRATE, HELD, INPUTS, SEAL, SOFTWARE, STEPS, Entry, digest

SPECIFICATION = "https://w3id.org/ro/crate/1.1"
CONTEXT = [f"{SPECIFICATION}/context", {"sha256": "https://schema.org/sha256"}]
MEDIA_TYPES = {
    ".parquet": "application/vnd.apache.parquet",
    ".geojson": "application/geo+json",
    ".jsonl": "application/jsonl",
    ".yaml": "application/yaml",
    ".lock": "text/plain",
    ".safetensors": "application/octet-stream",
}
WORDS = {
    INPUTS: "Every input by path, SHA-256 and size",
    CONFIG: "The resolved configuration; its paths start where those of inputs.json do",
    SOFTWARE: "Version, commit, source files and weights by SHA-256, and every installed package",
    STEPS: "The steps of the run, each chained to the one before",
    "requirements.lock": "Pinned versions of every package, with hashes",
    "run.json": "Configuration, versions, counts and the hash of each input, as the run wrote them",
    "measurements.csv": "Every measurement with its interval",
    "measurements.parquet": "Every measurement with its interval",
    "skips.csv": "Every scene that was not measured, and why",
    "detections.parquet": "Every box (GeoParquet)",
    "detections.geojson": "Every box",
    "goods.parquet": "Outlines of stacks and ships, with heights (GeoParquet)",
    "goods.geojson": "Outlines of stacks and ships, with heights",
    "trains.parquet": "Every train found in coarse pixels, as a line (GeoParquet)",
    "trains.geojson": "Every train found in coarse pixels, as a line",
    "covers.csv": "Ground under coloured covers, by yard or track",
    "radar.csv": "Optical and radar dates held against each other",
    "rakes.csv": "Rakes known again from one date to the next",
    "align.csv": "How each coarse image lies against the others",
    "verdicts.json": "Every claim's verdict, and why",
    "verdicts.csv": "The same as a table",
    "sensitivity.csv": "How each verdict changes with another method, the cross-check, or without the gate",
    "statistics.json": "Change, onset, episodes, power and placebos of each series in the target period",
    "report/index.html": "The report, one page",
}


@dataclass(frozen=True)
class Occasion:
    """When a run was done and as what: the one thing in which two equal runs differ."""

    title: str
    """The run's heading."""
    command: str
    """The command line."""
    started: str
    """UTC, ISO 8601."""
    finished: str
    """UTC, ISO 8601."""
    version: str
    """Of yardwatch."""
    simulated: bool
    """Whether any input was painted."""


def describe(files: Mapping[str, Entry], inputs: Mapping[str, Entry], occasion: Occasion) -> dict[str, Any]:
    """The JSON-LD document that makes a folder an RO-Crate.

    Args:
        files: Every file of the dossier that the crate describes, by path.
        inputs: What was read, by path; what the dossier does not hold stands as a thing outside.
        occasion: When and by what.

    Returns:
        The document for ``ro-crate-metadata.json``.
    """
    entities = [_file(path, entry) for path, entry in sorted(files.items())]
    parts = [{"@id": one["@id"]} for one in entities]
    outside = [_input(path, entry) for path, entry in sorted(inputs.items()) if f"{HELD}/{path}" not in files]
    held = [path for path in sorted(files) if path.startswith(f"{HELD}/")]
    read = [{"@id": one["@id"]} for one in outside] + [{"@id": _reference(path)} for path in held]
    results = [part for part in parts if part not in read]
    graph = [_descriptor(), _root(occasion, parts), _action(occasion, read, results), _tool(occasion)]
    graph.append(
        {
            "@id": "#licence",
            "@type": "CreativeWork",
            "name": "Licences of the imagery",
            "description": "Images, and what shows their pixels, stay under their providers' licences.",
        }
    )
    return {"@context": CONTEXT, "@graph": [*graph, *entities, *outside]}


def _descriptor() -> dict[str, Any]:
    return {
        "@id": CRATE,
        "@type": "CreativeWork",
        "conformsTo": {"@id": SPECIFICATION},
        "about": {"@id": "./"},
    }


def _root(occasion: Occasion, parts: list[dict[str, str]]) -> dict[str, Any]:
    painted = (
        " SIMULATED input: nothing here says anything about the real place." if occasion.simulated else ""
    )
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": occasion.title,
        "description": f"What a run of yardwatch read, did and found.{painted} Check it with "
        f"`yardwatch verify`; {SEAL} lists every file.",
        "datePublished": occasion.finished,
        "license": {"@id": "#licence"},
        "hasPart": parts,
        "mentions": {"@id": "#run"},
    }


def _action(
    occasion: Occasion, inputs: list[dict[str, str]], results: list[dict[str, str]]
) -> dict[str, Any]:
    return {
        "@id": "#run",
        "@type": "CreateAction",
        "name": occasion.title,
        "description": occasion.command,
        "startTime": occasion.started,
        "endTime": occasion.finished,
        "instrument": {"@id": "#yardwatch"},
        "object": inputs,
        "result": results,
    }


def _tool(occasion: Occasion) -> dict[str, Any]:
    return {
        "@id": "#yardwatch",
        "@type": "SoftwareApplication",
        "name": "yardwatch",
        "version": occasion.version,
        "softwareVersion": occasion.version,
    }


def _file(path: str, entry: Entry) -> dict[str, Any]:
    ending = "." + path.rsplit(".", 1)[-1].lower()
    kind = MEDIA_TYPES.get(ending) or mimetypes.types_map.get(ending, "application/octet-stream")
    return {
        "@id": _reference(path),
        "@type": "File",
        "name": path,
        **({"description": WORDS[path]} if path in WORDS else {}),
        "encodingFormat": kind,
        "contentSize": str(entry.bytes),
        "sha256": entry.sha256,
    }


def _input(path: str, entry: Entry) -> dict[str, Any]:
    return {
        "@id": f"#input-{digest(path)[:16]}",
        "@type": "CreativeWork",
        "name": path,
        "contentSize": str(entry.bytes),
        "sha256": entry.sha256,
    }


def _reference(path: str) -> str:
    """A path as a relative URI (RFC 3986)."""
    return quote(path, errors="surrogateescape")
