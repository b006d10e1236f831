"""Occupied metres below one pixel, on a small painted yard with known truth and on real dates."""

import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from odc.geo.geobox import GeoBox
from scipy.ndimage import gaussian_filter

from imagery.scenes import Asset, Scene
from imagery.tiles import Tile
from imagery.visibility import believable
from models.measurement import Skip
from models.occupancy.cells import full_response, lay, optical_bands, sample
from models.occupancy.occupied import occupied
from models.occupancy.profile import read_profile
from models.occupancy.residual import GUARD_DAYS, NEIGHBOURS, Stack, nan_median
from models.occupancy.spectra import covered_share, library

BANDS = ("B02", "B03", "B04", "B08")
ROWS, COLS, FINE = 40, 90, 4
GRID = GeoBox((ROWS, COLS), Affine(10, 0, 500_000, 0, -10, 4_700_000), "EPSG:32652")
# Wagon tops of this painter: none is in the estimator's library.
TOPS = np.array(
    [(0.03, 0.03, 0.04, 0.05), (0.08, 0.08, 0.12, 0.17), (0.36, 0.36, 0.37, 0.38), (0.2, 0.14, 0.07, 0.33)]
)
TRACKS = [
    (f"track-{k}", np.array([[10.0, 20 + k / 2], [45.0, 20.5 + k / 2], [80.0, 20 + k / 2]])) for k in range(6)
]
Y, X = (np.mgrid[: ROWS * FINE, : COLS * FINE] + 0.5) / FINE
AXES = [np.interp(X, line[:, 0], line[:, 1]) for _, line in TRACKS]


def scene(name, when, bands=BANDS, sensor="sentinel-2"):
    return Scene(name, (Asset(Path("x.tif"), bands),), sensor, when)


def paint(rng, ground, when, cars):
    """One 10 m date: fields that follow the season, ballast, ``cars`` wagons on six tracks, light, noise."""
    season = 0.5 - 0.5 * np.cos(2 * np.pi * when.timetuple().tm_yday / 365)
    soil, plants = np.array([0.07, 0.10, 0.13, 0.2]), np.array([0.03, 0.06, 0.04, 0.36])
    fine = soil + (plants - soil) * (season * ground["green"])[..., None]
    fine[np.abs(Y - np.mean(AXES, axis=0)) < 3.5] = np.array([0.1, 0.115, 0.13, 0.155])
    fine = fine * ground["texture"][..., None]
    left = cars
    for k in rng.permutation(len(TRACKS)):
        count = min(left, 30)
        start = rng.uniform(11, 79 - count * 1.392)
        box = (np.abs(Y - AXES[k]) < 0.155 + 0.125) & (X > start) & (X < start + count * 1.392)
        share = 0.31 / 0.56  # the box is widened to whole cells of the canvas, and thinned as much
        fine[box] = fine[box] * (1 - share) + share * TOPS[rng.integers(len(TOPS))] * rng.uniform(0.85, 1.15)
        shade = (np.abs(Y - AXES[k] - 0.32) < 0.13) & (X > start) & (X < start + count * 1.392)
        fine[shade] *= 0.45
        left -= count
    blurred = gaussian_filter(fine, (0.4 * FINE, 0.4 * FINE, 0))
    moved = np.roll(blurred, rng.integers(-1, 2, 2), axis=(0, 1))  # registration is off by a quarter pixel
    pixels = moved.reshape(ROWS, FINE, COLS, FINE, 4).mean(axis=(1, 3))
    pixels = pixels * rng.normal(1, 0.03) + rng.normal(0, 0.004) + rng.normal(0, 0.003, pixels.shape)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32)


@pytest.fixture(scope="module")
def yard():
    """48 dates over two years: a quiet yard of 0 to 12 wagons, and eight busy dates."""
    rng = np.random.default_rng(7)
    patches = rng.uniform(0.1, 1, (4, 6)).repeat(ROWS * FINE // 4, 0).repeat(COLS * FINE // 6, 1)
    texture = 1 + 0.1 * gaussian_filter(rng.normal(size=(ROWS * FINE, COLS * FINE)), 2) * 6
    ground = {"green": patches, "texture": texture}
    truth = rng.integers(0, 13, 48)
    truth[[5, 11, 17, 23, 29, 35, 41, 47]] = [30, 45, 60, 73, 90, 40, 55, 73]
    first = datetime(2021, 11, 3, 2, tzinfo=UTC)
    days = [first + timedelta(days=15 * i) for i in range(48)]
    pixels = [paint(rng, ground, day, int(cars)) for day, cars in zip(days, truth, strict=True)]
    return days, pixels, truth


def tile(pixels, when, name="s", valid=None, bands=BANDS, sensor="sentinel-2"):
    rows, cols = pixels.shape[1:]
    valid = np.ones((rows, cols), dtype=bool) if valid is None else valid
    grid = GRID if (rows, cols) == (ROWS, COLS) else GeoBox((rows, cols), GRID.affine, GRID.crs)
    return Tile(pixels.copy(), valid, grid, bands, scene(name, when, bands, sensor))


def profiles_of(yard, change=lambda i, pixels: pixels):
    days, pixels, _ = yard
    result = []
    for i, (when, values) in enumerate(zip(days, pixels, strict=True)):
        one = tile(change(i, values), when, f"s{i}")
        result.append(read_profile(one, believable(one), TRACKS))
    return result


@pytest.fixture(scope="module")
def measured(yard):
    return occupied(profiles_of(yard))


def cars(results):
    return np.array([np.nan if isinstance(r, Skip) else r[1].value for _, r in results])


def test_estimates_follow_the_truth(yard, measured):
    truth = yard[2]
    found = cars(measured)
    assert np.isfinite(found).all()
    assert np.abs(found - truth).mean() < 8
    assert np.corrcoef(found, truth)[0, 1] > 0.85
    # A day of 73 wagons stands above every quiet day.
    assert found[truth == 73].min() > found[truth <= 12].max()
    inside = [r[0].low <= t * 13.92 <= r[0].high for (_, r), t in zip(measured, truth, strict=True)]
    assert np.mean(inside) >= 0.8


def test_only_the_highest_readings_exclude_an_empty_yard(measured):
    """Noise reads as metres of track, too: what nearly all dates show is no evidence of trains."""
    read = sorted((r[0].value, r[0].low) for _, r in measured)
    most = int(0.05 * len(read))
    assert all(low == 0 for _, low in read[: len(read) - most])
    assert read[-1][1] > 0  # the day of 73 wagons


def test_measurements_are_metres_and_the_railcars_that_they_are_worth(measured):
    total = sum(np.hypot(*np.diff(line, axis=0).T).sum() for _, line in TRACKS) * 10
    for name, (metres, railcars) in measured:
        assert name.startswith("s")
        assert (metres.quantity, metres.unit) == ("occupied_track_m", "m")
        assert (railcars.quantity, railcars.unit) == ("railcar_equivalents", "railcars")
        assert 0 <= metres.low <= metres.value <= metres.high <= total * 1.001
        assert railcars.value == pytest.approx(metres.value / 13.92)
        assert railcars.low == pytest.approx(metres.low / 19.6)
        assert railcars.high == pytest.approx(metres.high / 13.9)
        assert metres.visible_share == 1


def test_light_and_units_do_not_count_as_wagons(yard, measured):
    base = cars(measured)
    lit = cars(occupied(profiles_of(yard, lambda i, p: p * 1.15 + 0.015 if i == 8 else p)))
    assert abs(lit[8] - base[8]) < 8  # taken as wagons, a brighter corridor would be more than 100
    numbers = cars(occupied(profiles_of(yard, lambda i, p: p * 10_000)[:24]))
    others = cars(occupied(profiles_of(yard, lambda i, p: p * 65_535)[:24]))
    assert numbers == pytest.approx(others, rel=1e-3, abs=0.05)
    assert np.abs(numbers - yard[2][:24]).mean() < 10


def test_a_date_does_not_move_its_own_baseline(yard, measured):
    """Filling a date's corridor shows there, and hardly on dates that it is a baseline of."""

    def fill(i, pixels):
        filled = pixels.copy()
        if i == 10:
            filled[:, 18:26, 20:60] += 0.06
        return filled

    changed = cars(occupied(profiles_of(yard, fill)))
    base = cars(measured)
    assert changed[10] > base[10] + 40
    moved = np.abs(np.delete(changed - base, 10))
    assert np.median(moved) < 0.5
    assert moved.max() < 12


def test_a_rake_that_is_always_there_is_not_seen(yard):
    def park(i, pixels):
        parked = pixels.copy()
        parked[:, 18:26, 20:40] += 0.08
        return parked

    found = cars(occupied(profiles_of(yard, park)[:24]))
    assert found[yard[2][:24] <= 12].max() < 25  # although some 80 wagons' worth of brightness stands there


def test_cloud_is_skipped_with_its_share_and_part_of_the_yard_is_scaled(yard):
    days, pixels, truth = yard
    profiles = profiles_of(yard)
    for i, right in ((3, 55), (23, 32)):
        valid = np.ones((ROWS, COLS), dtype=bool)
        valid[:, :right] = False
        one = tile(pixels[i], days[i], f"s{i}", valid)
        profiles[i] = read_profile(one, believable(one), TRACKS)
    results = dict(occupied(profiles))
    assert results["s3"].reason == "clouded"
    assert "36%" in results["s3"].detail
    metres, _ = results["s23"]
    assert metres.visible_share == pytest.approx(0.69, abs=0.02)
    assert metres.low <= truth[23] * 13.92 <= metres.high


def test_every_date_ends_in_the_order_given(yard):
    days, pixels, _ = yard
    profiles = profiles_of(yard)[:30]
    away = [(name, line + np.array([0, 300])) for name, line in TRACKS]
    snow = np.concatenate([pixels[0], np.full((1, ROWS, COLS), 11, np.float32)])
    odd = [
        ("radar", tile(pixels[0][:2], days[0], "radar", bands=("VV", "VH"), sensor="sentinel-1"), TRACKS),
        ("undated", tile(pixels[0], None, "undated"), TRACKS),
        ("bare", tile(pixels[0], days[0], "bare"), []),
        ("away", tile(pixels[0], days[0], "away"), away),
        ("snow", tile(snow, days[0], "snow", bands=(*BANDS, "SCL")), TRACKS),
        ("white", tile(np.full_like(pixels[0], 0.7), days[2] + timedelta(days=2), "white"), TRACKS),
        (
            "tight",
            tile(pixels[0][:, 18:25], days[0], "tight"),
            [(n, xy - np.array([0, 18])) for n, xy in TRACKS],
        ),
        ("coarse-alone", tile(pixels[0][:3], days[0], "coarse-alone", bands=BANDS[:3]), TRACKS),
        ("nowhere", tile(np.full_like(pixels[0], np.nan), days[0], "nowhere"), TRACKS),
    ]
    for place, (_, one, tracks) in enumerate(odd):
        profiles.insert(3 * place, read_profile(one, believable(one), tracks))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = occupied(profiles)
    assert [name for name, _ in results] == [profile.scene_id for profile in profiles]
    reasons = {name: result.reason for name, result in results if isinstance(result, Skip)}
    assert reasons == {
        "radar": "no-method",
        "undated": "no-date",
        "bare": "no-tracks",
        "away": "outside-image",
        "snow": "snow",
        "white": "snow",
        "tight": "no-surroundings",
        "coarse-alone": "no-baseline",
        "nowhere": "clouded",
    }


def test_black_pictures_are_skipped(yard):
    results = occupied(profiles_of(yard, lambda i, pixels: np.zeros_like(pixels))[:20])
    assert {result.reason for _, result in results} == {"no-surroundings"}


@pytest.mark.parametrize("value", [0.1, 3000.0])
def test_pictures_without_any_contrast_are_no_wagons(yard, value):
    results = occupied(profiles_of(yard, lambda i, pixels: np.full_like(pixels, value))[:20])
    assert cars(results) == pytest.approx(np.zeros(20), abs=0.5)


def test_few_dates_are_no_baseline_and_none_is_nothing(yard):
    assert occupied([]) == []
    results = occupied(profiles_of(yard)[:8])
    assert {result.reason for _, result in results} == {"no-baseline"}


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=60), st.data())
def test_a_baseline_never_holds_its_target_or_its_neighbours(days, data):
    stack = Stack(np.zeros((len(days), 1, 1)), np.zeros((len(days), 1, 1)), np.array(sorted(days)))
    usable = np.array(data.draw(st.lists(st.booleans(), min_size=len(days), max_size=len(days))))
    date = data.draw(st.integers(0, len(days) - 1))
    others = stack.others(date, usable)
    assert len(others) <= NEIGHBOURS
    assert usable[others].all()
    assert (np.abs(stack.days[others] - stack.days[date]) > GUARD_DAYS).all()


@given(
    hnp.arrays(
        np.float64,
        st.tuples(st.integers(1, 7), st.integers(1, 4)),
        elements=st.floats(-5, 5) | st.just(np.nan),
    )
)
def test_nan_median_is_numpys(values):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = np.nanmedian(values, axis=0)
    assert nan_median(values) == pytest.approx(expected, nan_ok=True)


@given(st.floats(0, 1), st.integers(0, 8))
def test_mixing_gives_the_share_back_where_the_top_can_be_told(share, kind):
    tops = library(("blue", "green", "red", "nir"))
    empty = np.full((4, 1), 0.135)
    # Black, grey and white tops differ from ballast along one line: little of one looks like more of another.
    contrast = tops - empty[:, 0]
    contrast /= np.linalg.norm(contrast, axis=1, keepdims=True)
    assume(np.sort(np.abs(contrast @ contrast[kind]))[-2] < 0.98)
    residual = share * (tops[kind][:, None] - empty)
    covariance = np.eye(4)[None] * 1e-8
    assert covered_share(residual, empty, covariance, tops)[0] == pytest.approx(share, abs=0.03)


@given(st.floats(0, 3.1), st.floats(5, 900), st.floats(1, 20))
def test_cells_divide_a_track_evenly_whichever_way_it_runs(angle, length, spacing):
    along = np.array([np.cos(angle), np.sin(angle)])
    line = np.array([0.0, 0.3, 1.0])[:, None] * along * length
    centres, directions, total = lay(line, spacing)
    assert total == pytest.approx(length)
    assert len(centres) == max(1, round(length / spacing, 0)) or abs(length / spacing % 1 - 0.5) < 0.01
    assert centres.mean(axis=0) == pytest.approx(along * length / 2, abs=1e-6)
    assert directions @ along == pytest.approx(np.ones(len(centres)))


def test_a_full_bundle_covers_its_share_of_the_ground():
    """Tracks 5 m apart: a 10 m pixel sees 3.1 m of wagon in 5 m, a fine one nothing but wagon on a track."""
    lines = [np.array([[0.0, 5.0 * k], [300.0, 5.0 * k]]) for k in range(20)]
    for gsd, expected in ((10.0, 3.1 / 5), (1.5, 0.95)):
        laid = [lay(line, gsd / 2) for line in lines]
        centres = np.concatenate([part[0] for part in laid])
        lengths = np.concatenate([np.full(len(part[0]), part[2] / len(part[0])) for part in laid])
        full = full_response(centres, lengths, gsd)
        middle = (np.abs(centres[:, 0] - 150) < 50) & (np.abs(centres[:, 1] - 47.5) < 15)
        assert full[middle].mean() == pytest.approx(expected, rel=0.02)
        assert full.max() < 1
        assert full.min() < 0.65 * expected  # at an end of a track


def test_reading_is_bilinear_and_believes_only_good_pixels():
    ramp = np.arange(20, dtype=np.float32).reshape(1, 4, 5)
    good = np.ones((4, 5), dtype=bool)
    values, seen = sample(ramp, good, np.array([[1.5, 1.5], [2.0, 1.5], [2.5, 2.0], [9.0, 9.0]]))
    assert values[0, :3].tolist() == [6.0, 6.5, 9.5]
    assert seen.tolist() == [True, True, True, False]
    good[1, 2] = False
    values, seen = sample(ramp, good, np.array([[2.4, 1.5], [1.9, 1.5]]))
    assert seen.tolist() == [False, True]
    assert values[0, 1] == 6.0  # the masked neighbour has no say


def test_bands_are_known_by_name_or_by_the_wavelength_of_their_sensor():
    when = datetime(2023, 10, 5, tzinfo=UTC)

    def roles(bands, sensor):
        return optical_bands(tile(np.zeros((len(bands), 2, 2), np.float32), when, "s", None, bands, sensor))

    assert roles(("B8A", "B08", "B04", "B03", "B02", "SCL"), "sentinel-2-l2a") == {
        "blue": 4, "green": 3, "red": 2, "nir": 1,
    }  # fmt: skip
    assert roles(("blue", "green_i", "green", "red", "nir"), "planetscope") == {
        "blue": 0, "green": 2, "red": 3, "nir": 4,
    }  # fmt: skip
    assert roles(("red", "green", "blue"), "unknown") == {"blue": 2, "green": 1, "red": 0}
    assert roles(("VV", "VH"), "sentinel-1-rtc") == {}


def test_real_dates_end_measured_or_skipped(real_data):
    """Invented tracks through a Belgian village: no train stands there, clouds do."""
    import xarray as xr

    folder = real_data / "sentinel-real"
    name = "S2_L2A_{}m_0000280849BAC91C_32631_2018-08-01_2019-11-30.nc"
    ten, twenty = (
        xr.open_dataset(folder / name.format(gsd), engine="h5netcdf", mask_and_scale=False)
        for gsd in (10, 20)
    )
    classes = twenty.SCL.values.repeat(2, axis=1).repeat(2, axis=2)
    cube = np.stack([ten[band].values for band in BANDS] + [classes], axis=1).astype(np.float32)
    tracks = [(f"track-{k}", np.array([[38.0 + k / 2, 25.0], [49.0 + k / 2, 60.0]])) for k in range(6)]
    grid = GeoBox((64, 64), Affine(10, 0, 574_680, 0, -10, 5_622_440), "EPSG:32631")
    profiles, clouded = [], []
    for when, pixels in zip(ten.timestamp.values.astype("datetime64[s]").tolist(), cube, strict=True):
        bands = (*BANDS, "SCL")
        one = Tile(
            pixels, np.ones((64, 64), bool), grid, bands, scene(str(when), when.replace(tzinfo=UTC), bands)
        )
        profiles.append(read_profile(one, believable(one), tracks))
        clouded.append(np.isin(pixels[4], (8, 9, 10)).mean() > 0.95)
    results = occupied(profiles)
    assert len(results) == len(profiles)
    skipped = np.array([isinstance(result, Skip) for _, result in results])
    assert skipped[clouded].all()
    assert 15 <= (~skipped).sum() <= 45
