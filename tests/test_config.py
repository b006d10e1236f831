"""RunConfig: unknown keys are refused by name, and nothing from outside ends in a traceback."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from evidence.config import RunConfig, load_config
from imagery.errors import ConfigError, YardwatchError


def write(folder, text):
    path = folder / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_stand_beside_the_config(tmp_path):
    config = load_config(write(tmp_path, "tiles: [tiles]\nsites: [../s.geojson]\n"))
    assert config.tiles == (tmp_path / "tiles",)
    assert config.sites == (tmp_path.parent / "s.geojson",)


def test_an_unknown_key_is_named_with_the_nearest_right_one(tmp_path):
    with pytest.raises(ConfigError, match=r"unknown key 'baseline_year', did you mean 'baseline_years'"):
        load_config(write(tmp_path, "tiles: [t]\nbaseline_year: 3\n"))


def test_set_replaces_values_and_is_checked_alike(tmp_path):
    path = write(tmp_path, "tiles: [t]\n")
    assert load_config(path, ["baseline_years=3"]).baseline_years == 3
    with pytest.raises(ConfigError, match="baseline_years = 0"):
        load_config(path, ["baseline_years=0"])
    with pytest.raises(ConfigError, match=r"detectro.*detector"):
        load_config(path, ["detectro=edges"])
    with pytest.raises(ConfigError, match="key=value"):
        load_config(path, ["detector"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "mapping"),
        ("- a\n", "mapping"),
        ("tiles: [", "is not YAML"),
        ("title: x\n", "'tiles' is missing"),
        ("tiles: []\n", "tiles"),
        ("tiles: [t]\ntarget: 2023-13\n", "2023-13.*is no date"),
        ("tiles: !!python/object/apply:os.system ['true']\n", "is not YAML"),
    ],
)
def test_a_broken_config_says_what_is_wrong(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        load_config(write(tmp_path, text))


def test_a_missing_or_huge_config_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="larger than"):
        load_config(write(tmp_path, "#" * 1_000_001))


def test_the_digest_changes_with_every_value():
    base = RunConfig(tiles=(Path("t"),))
    assert base.digest() == RunConfig(tiles=(Path("t"),)).digest()
    others = [
        base.model_copy(update={name: value})
        for name, value in {"level": 0.8, "detector": "edges", "target": "2023"}.items()
    ]
    assert len({base.digest(), *(other.digest() for other in others)}) == 4


@given(
    values=st.dictionaries(
        st.sampled_from([*RunConfig.model_fields, "other"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
            max_leaves=6,
        ),
        max_size=5,
    )
)
def test_any_mapping_is_a_config_or_a_clear_error(tmp_path_factory, values):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    try:
        tiles = load_config(path).tiles
    except YardwatchError as error:
        message = str(error)
    else:
        assert tiles
        return
    assert message.startswith(str(path))
