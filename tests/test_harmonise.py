"""Stored numbers into physical ones: the table of rules, the dark-pixel check, backscatter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imagery.errors import InputError
from imagery.sources.values.dark_pixels import dark_pixel_check
from imagery.sources.values.harmonise import (
    backscatter_scale,
    parse_baseline,
    rule_for,
    to_decibel,
    to_linear,
)

KINDS = [
    # provider, collection, baseline, flag, offset, name
    ("earth-search", "sentinel-2-l2a", "05.11", True, 0.0, "earth-search-offset-applied"),
    ("earth-search", "sentinel-2-l2a", "05.09", False, -0.1, "earth-search-offset-kept"),
    ("earth-search", "sentinel-2-l2a", "04.00", False, -0.1, "earth-search-offset-kept"),
    ("earth-search", "sentinel-2-l2a", "03.01", False, 0.0, "earth-search-before-04"),
    ("earth-search", "sentinel-2-l2a", "02.14", None, 0.0, "earth-search-before-04"),
    ("earth-search", "sentinel-2-l2a", "03.01", True, 0.0, "earth-search-offset-applied"),
    ("earth-search", "sentinel-2-c1-l2a", "05.00", None, -0.1, "earth-search-c1"),
    ("earth-search", "sentinel-2-pre-c1-l2a", "02.14", None, 0.0, "earth-search-pre-c1-before-04"),
    ("earth-search", "sentinel-2-pre-c1-l2a", "04.00", None, -0.1, "earth-search-pre-c1-since-04"),
    ("earth-search-v2", "sentinel-2-l2a", "05.11", None, -0.1, "earth-search-v2-c1"),
    ("planetary-computer", "sentinel-2-l2a", "03.01", None, 0.0, "planetary-computer-before-04"),
    ("planetary-computer", "sentinel-2-l2a", "04.00", None, -0.1, "planetary-computer-since-04"),
    ("copernicus", "sentinel-2-l2a", "05.11", None, -0.1, "copernicus-since-04"),
    ("copernicus", "sentinel-2-l2a", "02.14", None, 0.0, "copernicus-before-04"),
]


@pytest.mark.parametrize(("provider", "collection", "baseline", "flag", "offset", "name"), KINDS)
def test_the_table(provider, collection, baseline, flag, offset, name):
    rule = rule_for(provider, collection, baseline, flag)
    assert (rule.scale, rule.offset, rule.nodata, rule.name) == (1e-4, offset, 0, name)
    assert rule.quantity == "reflectance"
    assert rule.source


@pytest.mark.parametrize(
    ("provider", "collection", "baseline", "flag"),
    [
        (
            "earth-search",
            "sentinel-2-l2a",
            "05.11",
            None,
        ),  # since 04.00 the flag decides: without it, no guess
        ("earth-search", "sentinel-2-l2a", "", True),
        ("earth-search", "sentinel-2-l2a", "05.11", "true"),
        ("earth-search", "sentinel-2-l2a", "05.11", 1),
        ("earth-search", "sentinel-2-c1-l2a", "02.14", None),  # Collection 1 begins with 05.00
        ("earth-search", "sentinel-2-c1-l2a", "05.11", True),  # that collection has no flag
        ("earth-search", "sentinel-2-l1c", "05.11", None),
        ("earth-search", "sentinel-s2-l2a-cogs", "02.14", None),
        ("planetary-computer", "sentinel-2-l2a", "06.00", None),  # not known yet
        ("planetary-computer", "sentinel-2-l2a", "99.99", None),
        ("planetary-computer", "sentinel-2-l2a", "latest", None),
        ("elsewhere", "sentinel-2-l2a", "05.11", None),
    ],
)
def test_an_unknown_combination_is_refused_by_name(provider, collection, baseline, flag):
    with pytest.raises(InputError, match=f"{provider} / {collection} / baseline"):
        rule_for(provider, collection, baseline, flag)


def test_baselines():
    assert parse_baseline("05.11") == parse_baseline("N0511") == (5, 11)
    assert parse_baseline("0511") == (5, 11)
    for text in ("5.11", "05.11.2", "", None, 5.11, "05,11"):
        assert parse_baseline(text) is None


@given(arrays(np.float64, (4, 4), elements=st.floats(0, 1.2)))
def test_one_scene_through_every_collection_is_the_same_reflectance(reflectance):
    """Each provider stores the same picture in its own way; its rule must undo exactly that."""
    plain = np.rint(reflectance * 1e4).astype(np.int64)
    for provider, collection, baseline, flag, _, _ in KINDS:
        added = parse_baseline(baseline) >= (4, 0) and flag is not True  # what ESA added, if still there
        stored = plain + 1000 * added
        rule = rule_for(provider, collection, baseline, flag)
        np.testing.assert_allclose(stored * rule.scale + rule.offset, plain * 1e-4, atol=1e-12)


def scene(rng, dark=0.02, share=0.5):
    """Reflectance of a half vegetated place with a river, and its classes; (100, 100)."""
    scl = np.full((100, 100), 5, np.uint8)
    scl[: int(100 * share)] = 4
    scl[:5] = 6
    bare = rng.normal(0.22, 0.03, scl.shape)
    bands = {}
    for name, vegetation, water in (("B02", dark, 0.05), ("B04", dark, 0.04), ("B08", 0.35, dark)):
        values = np.where(scl == 4, vegetation, np.where(scl == 6, water, bare))
        bands[name] = values + rng.normal(0, 0.004, scl.shape)
    return bands, scl


@pytest.mark.parametrize(
    ("error", "fits"), [(0.0, "rule"), (0.1, "other"), (-0.1, "other")], ids=["right", "left-on", "twice"]
)
def test_a_wrong_offset_is_caught(error, fits):
    bands, scl = scene(np.random.default_rng(1))
    verdict = dark_pixel_check({k: v + error for k, v in bands.items()}, np.ones(scl.shape, bool), scl)
    assert verdict.fits == fits
    assert verdict.shift == pytest.approx(-error)
    assert verdict.probability >= 0.95


@given(st.floats(0.0, 0.04), st.floats(0.2, 1.0), st.sampled_from([0.1, -0.1]), st.integers(0, 99))
def test_a_shift_that_is_stated_is_the_right_one(dark, share, error, seed):
    bands, scl = scene(np.random.default_rng(seed), dark, share)
    valid = np.ones(scl.shape, bool)
    right = dark_pixel_check(bands, valid, scl)
    wrong = dark_pixel_check({k: v + error for k, v in bands.items()}, valid, scl)
    assert right.fits != "other"
    assert wrong.fits != "rule"
    assert wrong.fits == "undecided" or wrong.shift == -error


def test_nothing_dark_means_no_verdict():
    bands, scl = scene(np.random.default_rng(2))
    valid = np.ones(scl.shape, bool)
    for classes in (np.full_like(scl, 11), np.full_like(scl, 5), np.full_like(scl, 9)):  # snow, soil, cloud
        assert dark_pixel_check(bands, valid, classes).fits == "undecided"
    assert dark_pixel_check(bands, np.zeros(scl.shape, bool), scl).fits == "undecided"
    # Sparse vegetation reflects 0.12 in the infrared, as shadow with the offset left on does in blue.
    infrared = {"B08": np.where(scl == 4, 0.12, bands["B08"])}
    assert dark_pixel_check(infrared, valid, np.where(scl == 6, 5, scl)).fits == "undecided"
    assert np.isnan(dark_pixel_check({}, valid, scl).darkest)


def test_invalid_pixels_are_not_looked_at():
    bands, scl = scene(np.random.default_rng(3))
    valid = np.ones(scl.shape, bool)
    valid[10:20] = False
    for values in bands.values():
        values[10:20] = -0.1  # stored zeros under an offset
    assert dark_pixel_check(bands, valid, scl).fits == "rule"
    with pytest.raises(InputError, match="one shape"):
        dark_pixel_check(bands, valid[:50], scl)


def test_a_wrong_offset_is_caught_on_real_scenes(real_data):
    h5py = pytest.importorskip("h5py")
    found = {}
    for metres in (10, 20):
        names = sorted((real_data / "sentinel-real").glob(f"S2_L2A_{metres}m_*.nc"))
        if not names:
            pytest.skip(f"no Sentinel-2 at {metres} m in {real_data}/sentinel-real")
        with h5py.File(names[0]) as file:
            found |= {name: file[name][:] for name in ("B02", "B04", "SCL") if name in file}
    classes = np.kron(found["SCL"], np.ones((1, 2, 2), int))
    seen = {0.0: [], 0.1: [], -0.1: []}
    for i, scl in enumerate(classes):
        true = {name: found[name][i] * 1e-4 for name in ("B02", "B04")}
        valid = np.isfinite(true["B02"]) & np.isfinite(true["B04"])
        for error, verdicts in seen.items():
            verdicts.append(dark_pixel_check({k: v + error for k, v in true.items()}, valid, scl))
    assert len(classes) >= 70
    for error, verdicts in seen.items():
        decided = [one for one in verdicts if one.fits != "undecided"]
        assert len(decided) >= 35
        assert all(one.shift == -error for one in decided)  # never a wrong word


@given(arrays(np.float32, (5, 5), elements=st.floats(2.0**-10, 16, width=32)))
def test_decibels_and_back(power):
    np.testing.assert_allclose(to_linear(to_decibel(power)), power, rtol=1e-4)


def test_backscatter_says_what_it_is():
    rng = np.random.default_rng(4)
    power = rng.gamma(4, 0.03, (50, 50)).astype(np.float32)
    valid = np.ones(power.shape, bool)
    assert backscatter_scale(power, valid) == "gamma0-linear"
    assert backscatter_scale(to_decibel(power), valid) == "gamma0-decibel"
    assert np.isnan(to_decibel(np.array([0.0, -1.0], np.float32))).all()
    with pytest.raises(InputError, match="neither"):
        backscatter_scale(np.where(np.arange(2500).reshape(50, 50) % 4, power, -power), valid)
    with pytest.raises(InputError, match="0 values"):
        backscatter_scale(power, ~valid)
    assert rule_for("planetary-computer", "sentinel-1-rtc").quantity == "gamma0-linear"
    assert rule_for("planetary-computer", "sentinel-1-grd").quantity == "amplitude"
