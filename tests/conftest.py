"""Shared by all tests: where the real data lies, and how hypothesis behaves on slow machines."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Tests never time: a loaded machine must not fail them, and the same commit must give the same result.
settings.register_profile(
    "yardwatch", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("yardwatch")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def real_data():
    """The folder of real pictures, or a skip with the reason."""
    folder = Path(os.environ.get("YARDWATCH_DATA", ROOT / "../shared/data")).resolve()
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set YARDWATCH_DATA")
    return folder
