"""YAML from outside: plain values, bounded, and what is refused of it."""

import datetime
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.config import load_config, parse_overrides, read_yaml
from evidence.places.fetch_config import load_fetch_config
from imagery.errors import ConfigError, InputError
from imagery.plainyaml import plain_yaml

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 12)
)
"""Nine to the eleventh values on half a page."""


def test_plain_values_are_what_yaml_says():
    text = "number: 1.5\nday: 2023-09-13\non: true\nlist: [a, 2]\nnone:\n"
    expected = {"number": 1.5, "day": datetime.date(2023, 9, 13), True: True, "list": ["a", 2], "none": None}
    assert plain_yaml(text, "here") == expected
    texts = {"number": "1.5", "day": "2023-09-13", "on": "true", "list": ["a", "2"], "none": ""}
    assert plain_yaml(text, "here", typed=False) == texts


@pytest.mark.parametrize("typed", [True, False])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LAUGHS, "line 2 uses a YAML alias"),
        ("a: &a [*a]", "alias"),
        ("a: 1\nb: 2\na: 3\n", "'a' twice"),
        ("[" * 5000, "not YAML"),
        ("{" * 5000, "not YAML"),
        ("a: [1", "not YAML"),
        ("\x00", "not YAML"),
    ],
)
def test_what_is_no_plain_page_is_refused(text, said, typed):
    with pytest.raises(InputError, match=said):
        plain_yaml(text, "here", typed)


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system [echo]", "!!python/name:os.system", "!x y"])
def test_nothing_is_built(tag):
    with pytest.raises(InputError, match="constructor"):
        plain_yaml(f"a: {tag}", "here")


@given(st.text(max_size=60) | st.text(alphabet="&*[]{}:,-!|>'\"#%@` \n\tab01", max_size=60), st.booleans())
def test_any_text_is_read_or_refused(text, typed):
    with suppress(InputError):
        plain_yaml(text, "here", typed)


@pytest.mark.parametrize("load", [read_yaml, load_config, load_fetch_config])
def test_a_config_of_aliases_is_refused_before_it_unfolds(tmp_path, load):
    path = tmp_path / "laughs.yaml"
    path.write_text(f"{LAUGHS}sites: *a11\n")
    with pytest.raises(ConfigError, match="alias"):
        load(path)


def test_a_long_value_is_cut_in_the_message(tmp_path):
    path = tmp_path / "long.yaml"
    path.write_text(f"tiles: [t]\nlevel: [{', '.join(['123456789'] * 10_000)}]\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert len(str(caught.value)) < 500


def test_a_config_that_is_no_file_of_text_says_what_to_give(tmp_path):
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * 1_000_001)
    with pytest.raises(ConfigError, match="larger than 1000000 bytes"):
        read_yaml(path)
    with pytest.raises(ConfigError, match="give the path of a YAML config"):
        read_yaml(tmp_path)
    with pytest.raises(ConfigError, match="alias"):
        parse_overrides(["a=[&x 1, *x]"])
