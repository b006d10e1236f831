"""Shared by all tests: where the real data lies, and how hypothesis behaves on slow machines."""

import importlib.util
import os
import sys
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


def _load(name):
    """A helper module beside the tests: with importmode=importlib it is found by its path alone."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def load():
    """A helper module beside the tests, by its name."""
    return _load


@pytest.fixture(scope="session")
def helpers():
    """The module of the local STAC server, for its builders of Items."""
    return _load("stac_server")


@pytest.fixture(scope="session")
def running_stac_server(helpers):
    """One server for the whole run: starting it takes longer than most tests."""
    server = helpers.StacServer().start()
    yield server
    server.stop()


@pytest.fixture
def stac_server(running_stac_server, tmp_path):
    """A local STAC API without items or faults, which serves the files of ``tmp_path / "served"``."""
    folder = tmp_path / "served"
    folder.mkdir()
    running_stac_server.reset(folder)
    return running_stac_server
