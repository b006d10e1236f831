"""Readers of what strangers send, fed with spoilt input: they take it or refuse it, and touch nothing else.

Few examples each; ``python benchmarks/fuzz.py`` runs as many as wanted.
"""

import importlib.util
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def _load(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


fuzz = _load("fuzz_targets")
NAMES = (
    "site file",
    "track file",
    "claims",
    "run config",
    "fetch config",
    "STAC Item in a folder",
    "STAC Item of a catalogue",
    "OpenStreetMap answer",
    "label file",
    "Planet description",
    "Maxar description",
    "TIFF",
    "PNG",
    "JPEG",
    "JPEG 2000",
    "NetCDF",
    "ledger",
    "marks of a review",
    "seal of a dossier",
)
EDITS = st.lists(
    st.tuples(st.integers(0, 100_000), st.integers(0, 5), st.integers(0, 10_000)), min_size=1, max_size=6
)


@pytest.fixture(scope="module")
def targets(tmp_path_factory):
    found = {target.name: target for target in fuzz.targets(tmp_path_factory.mktemp("seeds"))}
    assert set(found) == set(NAMES)
    return found


@pytest.mark.parametrize("name", NAMES[:-2])
def test_seeds_are_taken(name, targets, tmp_path):
    """So that what is spoilt is nearly right, and gets far into the reader."""
    for number, seed in enumerate(targets[name].seeds):
        folder = tmp_path / str(number)
        folder.mkdir()
        found = targets[name].feed(seed, folder)
        assert found != 0
        assert type(found).__name__ != "Refusal"


@pytest.mark.filterwarnings("ignore")  # of libraries, about what they were given
@pytest.mark.parametrize("name", NAMES)
def test_spoilt_input_is_taken_or_refused(name, targets, tmp_path_factory):
    target = targets[name]

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(target.seeds), EDITS)
    def spoil(seed, edits):
        folder = tmp_path_factory.mktemp("fuzz")
        target.take(fuzz.mutated(seed, edits), folder)

    spoil()
