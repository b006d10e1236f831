"""Filled track from coarse dates: corridor, differences, gate, unmixing, intervals and the net."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from evidence.claims import load_claims
from evidence.coarse.gates import gate_notes
from evidence.ledger import Outcome, series_of
from evidence.verdicts.verdict import judge
from imagery.alignment.align import no_shift
from imagery.errors import InputError, UnreadableError
from imagery.period import Period
from imagery.scenes import Asset, Scene
from imagery.tiles import Tile
from models.measurement import PASS, Measurement, Skip
from models.occupancy.corridor import Corridor, Rails, spread
from models.occupancy.differ import ROLES, Difference, differences
from models.occupancy.filled import filled
from models.occupancy.gate import gate
from models.occupancy.intervals import Calibration, Trial, calibrate, group_of
from models.occupancy.learn import FillNet, Reader, load, loss_of, save, tensors, to_input
from models.occupancy.reading import FACTS, Reading, facts
from models.occupancy.restless import restless
from models.occupancy.solve import Cells, solve
from models.occupancy.views import View, read_view

ROOT = Path(__file__).resolve().parents[1]
SHAPE = (40, 90)
GRID = GeoBox(SHAPE, Affine(10, 0, 500_000, 0, -10, 4_700_000), "EPSG:32652")
BANDS = ("blue", "green", "red", "nir")
LINES = tuple(np.array([[12.0, 18 + k / 2], [45.0, 18.7 + k / 2], [78.0, 18 + k / 2]]) for k in range(5))
RAILS = Rails.of(LINES, (10.0, 10.0))
BED = np.clip(RAILS.metres(SHAPE) / 12, 0, 1)
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]
SHADOW = (-0.3, -0.9)
TOP = np.array([0.33, 0.34, 0.36, 0.38])


def view(rng, when, trains=(), bands=BANDS, light=1.0):
    """Ballast among fields, with trains of (track, start, end) in metres, under noise and some light."""
    season = 0.04 * np.cos(2 * np.pi * when.timetuple().tm_yday / 365)
    field = 0.16 + 0.05 * np.sin(Y / 3) + season * (X % 16 < 5)
    pixels = np.stack([field * (1 - BED) + (0.10 + 0.02 * k) * BED for k in range(len(bands))])
    share = np.zeros(len(RAILS.at_m))
    for track, start, end in trains:
        share[(RAILS.track == track) & (RAILS.at_m >= start) & (RAILS.at_m <= end)] = 1.0
    cover = RAILS.metres(SHAPE, share) * 3.1 / 100
    pixels = pixels + cover * (TOP[: len(bands), None, None] - pixels)
    pixels = light * pixels + rng.normal(0, 0.003, pixels.shape)
    day = when.date().isoformat()
    return View(
        day, when, bands, pixels.astype(np.float32), LINES, (10.0, 10.0), SHADOW, 0.0, 0.05, "one", GRID
    )


def days(count):
    first = datetime(2020, 10, 3, 2, tzinfo=UTC)
    return [first + timedelta(days=25 * k) for k in range(count)]


@pytest.fixture(scope="module")
def dates():
    rng = np.random.default_rng(5)
    return [view(rng, when, [(1, 100.0, 380.0)] if k == 30 else []) for k, when in enumerate(days(40))]


@pytest.fixture(scope="module")
def found(dates):
    return differences(dates)


@given(st.floats(0, 3.14), st.floats(150, 900), st.integers(1, 6))
@settings(max_examples=12, deadline=None)
def test_a_corridor_holds_all_metres_of_its_tracks_whichever_way_they_run(turn, length, count):
    along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    lines = [60 + np.outer([-length / 20, length / 20], along) + 0.5 * k * across for k in range(count)]
    rails = Rails.of(lines, (10.0, 10.0))
    metres = rails.metres((120, 120))
    assert metres.sum() == pytest.approx(count * length, rel=1e-4)
    corridor = Corridor.of(rails, (120, 120))
    assert np.nansum(corridor.take(metres.astype(np.float32))) == pytest.approx(count * length, rel=1e-3)
    # Each pixel is there once at most.
    places = (corridor.rows * 120 + corridor.cols)[corridor.inside]
    assert len(np.unique(places)) == len(places)


def test_a_corridor_leaves_out_most_of_a_slanted_image():
    rails = Rails.of([np.array([[5.0, 5.0], [115.0, 110.0]])], (10.0, 10.0))
    corridor = Corridor.of(rails, (120, 120))
    assert corridor.inside.sum() < 0.2 * 120 * 120


def test_tracks_that_are_not_there_are_refused():
    with pytest.raises(InputError, match="no track"):
        Rails.of([], (10.0, 10.0))
    with pytest.raises(InputError, match="outside"):
        Corridor.of(Rails.of([np.array([[500.0, 5.0], [600.0, 5.0]])], (10.0, 10.0)), (40, 40))


def test_a_point_is_spread_about_itself_and_loses_nothing():
    image = spread(np.array([[10.3, 7.8]]), np.array([5.0]), (20, 20))
    assert image.sum() == pytest.approx(5.0, abs=1e-6)
    y, x = np.mgrid[:20, :20] + 0.5
    assert [(image * x).sum() / 5, (image * y).sum() / 5] == pytest.approx([10.3, 7.8], abs=0.01)


def test_shadows_fall_away_from_the_sun_and_no_wider_than_the_next_track():
    track = Rails.of([np.array([[10.0, 20.0], [60.0, 20.0]])], (10.0, 10.0))
    for fall, side in (((0.0, -1.0), -1), ((0.0, 1.0), 1), ((5.0, 9.0), 1)):
        xy, width = track.shadow(fall)
        assert np.sign(xy[:, 1] - 20.0).tolist() == [side] * len(xy)
        assert width.max() <= 5.0
    assert track.shadow((1.0, 0.0))[1].max() == pytest.approx(0.0, abs=1e-9)


def test_a_train_stands_out_on_its_own_date_alone(found):
    shown = [np.nansum(one.residual[:3] * one.metres) for one in found]
    assert shown[30] > 5 * np.abs(np.delete(shown, 30)).max()
    assert found[30].total_m == pytest.approx(5 * 660, rel=0.01)
    assert all(one.seen_share == pytest.approx(1.0, abs=1e-3) for one in found)


def test_missing_bands_are_not_numbers_and_present_ones_are(found):
    assert np.isfinite(found[3].residual[: len(BANDS)]).all()
    assert np.isnan(found[3].residual[len(BANDS) :]).all()
    assert len(ROLES) == 7


def test_another_light_is_no_train(dates):
    rng = np.random.default_rng(8)
    changed = [*dates[:12], view(rng, days(40)[12], light=1.2), *dates[13:]]
    one, before = differences(changed)[12], differences(dates)[12]
    bright = np.nanmean(one.residual[:4]) - np.nanmean(before.residual[:4])
    assert abs(bright) < 0.006  # a fifth of the light is 0.03


def test_dates_that_are_not_ordinary_are_no_baseline(dates):
    busy = [*dates, *(replace(dates[30], scene_id=f"more-{k}") for k in range(45))]
    ordinary = np.array([True] * 40 + [False] * 45)
    kept, spoilt = differences(busy, ordinary)[5], differences(busy)[32]
    assert np.abs(np.nansum(kept.residual[:3] * kept.metres)) < 20
    assert isinstance(spoilt, Difference)


def test_what_cannot_be_held_against_others_says_why(dates):
    blind = replace(dates[4], pixels=np.full_like(dates[4].pixels, np.nan))
    white = replace(dates[6], pixels=np.full_like(dates[6].pixels, 0.8))
    half = dates[8].pixels.copy()
    half[:, 10:32, 20:] = np.nan
    results = differences([blind, white, replace(dates[8], pixels=half), *dates[9:]])
    assert [one.reason for one in results[:3]] == ["no-surroundings", "snow", "clouded"]
    assert {one.reason for one in differences(dates[:6])} == {"no-baseline"}
    with pytest.raises(InputError, match="several frames"):
        differences([dates[0], replace(dates[1], frame="two")])
    assert differences([]) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, PASS),
        ({"seen_share": 0.7}, "clouded: 70%"),
        ({"snow_share": 0.2}, "snow: on 20%"),
        ({"bright": 1.8}, "bright: surroundings 1.8"),
        ({"unrest": 2.5}, "unsettled: surroundings 2.5"),
        ({"doubt_px": 0.6}, "misplaced: position doubtful by 0.6 px"),
        ({"doubt_px": float("nan")}, PASS),
        ({"dates": 9}, "few dates: 9"),
    ],
)
def test_the_gate_names_the_rule_that_is_broken(found, change, says):
    assert gate(replace(found[3], **{"unrest": 1.0, "dates": 24, **change})).startswith(says)


def test_the_gate_does_not_look_at_the_tracks(found):
    filled_up = np.where(found[3].metres > 1, 0.2, found[3].residual).astype(np.float32)
    assert gate(replace(found[3], residual=filled_up)) == gate(found[3])


def test_unmixing_finds_the_train_on_its_track_and_nothing_else(found):
    corridor = Corridor.of(RAILS, SHAPE)
    cells = Cells.of(RAILS, corridor, SHAPE, SHADOW)
    assert cells.length_m.sum() == pytest.approx(5 * 660, rel=0.01)
    metres = solve(found[30], cells)
    # Tracks lie half a pixel apart: a white train on one of them looks like duller ones on several.
    assert 200 < metres.sum() < 900
    assert metres[cells.track == 1].sum() > 150
    assert solve(found[12], cells).sum() < 60


def readings(rng, count, spread_m=1.0):
    """Readings whose error is ``spread_m`` times what they expect."""
    for _ in range(count):
        true_m, scale = rng.uniform(0, 1400), rng.uniform(20, 150)
        read = max(0.0, true_m + spread_m * scale * rng.laplace())
        yield Trial(
            Reading(read, scale, np.zeros((1, 1), np.float32)),
            bool(rng.random() < 0.5),
            true_m,
            int(true_m / 15),
        )


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_intervals_hold_on_new_dates_of_the_same_kind(level):
    rng = np.random.default_rng(3)
    calibration = calibrate({"one": list(readings(rng, 3000))})
    inside = []
    for trial in readings(rng, 3000):
        low, high = calibration.interval(trial.reading, trial.passed, 2000.0, level)
        assert 0 <= low <= trial.reading.metres <= max(high, trial.reading.metres)
        inside.append(low <= trial.true_m <= high)
    assert np.mean(inside) == pytest.approx(level, abs=0.025)


def test_intervals_hold_for_each_kind_where_they_would_for_the_mean_alone():
    rng = np.random.default_rng(5)
    kinds = {"calm": list(readings(rng, 4000)), "restless": list(readings(rng, 1000, spread_m=2.0))}
    mixed = calibrate({"all": [trial for trials in kinds.values() for trial in trials]})
    apart = calibrate(kinds)
    held = {
        name: np.mean(
            [
                low <= t.true_m <= high
                for t in readings(rng, 3000, spread_m=2.0)
                for low, high in [one.interval(t.reading, t.passed, 9000.0, 0.9)]
            ]
        )
        for name, one in (("mixed", mixed), ("apart", apart))
    }
    assert held["mixed"] < 0.86
    assert held["apart"] > 0.88


def test_intervals_widen_with_doubt_and_are_kept(tmp_path):
    rng = np.random.default_rng(4)
    calibration = calibrate({"one": list(readings(rng, 800))})
    calibration.write(tmp_path / "c.json")
    again = Calibration.read(tmp_path / "c.json")
    sure, unsure = (Reading(600.0, scale, np.zeros((1, 1), np.float32)) for scale in (30.0, 120.0))
    for one in (calibration, again):
        narrow, wide = (one.interval(r, True, 5000.0, 0.9) for r in (sure, unsure))
        assert wide[1] - wide[0] > 3 * (narrow[1] - narrow[0])
    assert again.interval(sure, True, 5000.0, 0.9) == pytest.approx(
        calibration.interval(sure, True, 5000.0, 0.9), rel=1e-3
    )
    (tmp_path / "c.json").write_text("{}")
    with pytest.raises(UnreadableError, match="yardwatch train"):
        Calibration.read(tmp_path / "c.json")


def test_groups_part_at_the_gate_and_by_how_full_they_read():
    assert len({group_of(metres, ok) for metres in (10, 300, 900) for ok in (True, False)}) == 6


def test_the_net_takes_any_shape_and_is_kept(tmp_path, found):
    net = FillNet()
    save(net, tmp_path / "net.safetensors", {"seed": 3})
    again, about = load(tmp_path / "net.safetensors")
    assert about == {"seed": 3}
    reader = Reader(tmp_path / "net.safetensors")
    cut = replace(
        found[3],
        **{
            name: getattr(found[3], name)[..., :-1]
            for name in ("residual", "spread", "usual", "metres", "cover", "shade")
        },
    )
    for one in (found[3], cut):
        reading = reader.read([one])[0]
        assert reading.filled.shape == one.metres.shape
        assert 0 < reading.metres < one.total_m
        assert reading.scale_m > 0
        assert reading.metres == pytest.approx((reading.filled * one.metres).sum(), rel=1e-4)
    assert sum(p.numel() for p in again.parameters()) < 200_000
    (tmp_path / "net.safetensors").write_bytes(b"nothing")
    with pytest.raises(UnreadableError, match="yardwatch train"):
        load(tmp_path / "net.safetensors")


def test_learning_lowers_the_loss_and_unseen_pixels_are_numbers(found):
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    dates = [
        replace(
            found[k], residual=np.where(np.arange(found[k].metres.shape[1]) < 9, np.nan, found[k].residual)
        )
        for k in (3, 30)
    ]
    inputs = tensors(dates)
    assert torch.isfinite(to_input(inputs)).all()
    truth = torch.zeros_like(inputs.plans[:, 0])
    truth[1] = 0.4 * inputs.plans[1, 0]
    net = FillNet()
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    losses = []
    for _ in range(25):
        optimiser.zero_grad()
        loss = loss_of(net, inputs, truth)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.75 * losses[0]


def test_facts_are_finite_and_as_many_as_the_net_expects(found):
    assert facts(found[3]).shape == (FACTS,)
    assert np.isfinite(facts(replace(found[3], unrest=0.0, bright=0.01))).all()


def test_the_shipped_net_reads_a_yard(dates):
    undated = replace(dates[0], taken_at=None, scene_id="undated")
    results = filled([undated, *dates])
    assert isinstance(results[0], Skip)
    assert results[0].reason == "no-date"
    assert all(not isinstance(one, Skip) for one in results[1:])
    metres = [one.measurements[0] for one in results[1:]]
    assert {(m.quantity, m.unit, m.method) for m in metres} == {("occupied_track_m", "m", "learned")}
    values = np.array([m.value for m in metres])
    assert values[30] > np.delete(values, 30).max() + 100
    assert all(0 <= m.low <= m.value <= m.high <= 5 * 660 * 1.01 and m.gate for m in metres)
    for one in results[1:]:
        m, cars = one.measurements
        assert cars.value == pytest.approx(m.value / 13.92)
        # The map holds what was measured, pixel by pixel.
        assert np.nansum(one.map.filled * one.map.track_m) == pytest.approx(m.value, rel=0.01, abs=1.0)
        assert one.map.track_m.sum() == pytest.approx(5 * 660, rel=0.01)


def test_the_shipped_interval_holds_the_train(dates):
    metres = filled(dates)[30].measurements[0]
    assert metres.low <= 280 <= metres.high


def test_the_map_shows_the_train_where_it_stands(dates):
    shown = filled(dates)[30].map
    assert shown.grid == GRID
    there = RAILS.metres(
        SHAPE, ((RAILS.track == 1) & (RAILS.at_m >= 100) & (RAILS.at_m <= 380)).astype(float)
    )
    train, bare = there > 5, (RAILS.metres(SHAPE) > 5) & (there < 0.1)
    assert np.nanmedian(shown.filled[train]) > 4 * np.nanmedian(shown.filled[bare])
    # Painted tops are brighter than ballast; one track of five carries them.
    assert np.nanmedian(shown.change[train]) > 3
    assert abs(np.nanmedian(shown.change[bare])) < 1.5
    assert np.isnan(shown.filled[0, 0])


def test_a_gated_out_measurement_says_so():
    one = Measurement("occupied_track_m", 1.0, 0.0, 2.0, 0.9, "m", "learned", 1.0)
    assert not one.gated_out
    assert not replace(one, gate=PASS).gated_out
    assert replace(one, gate="snow: on 20% of the ground").gated_out


def test_gates_say_what_they_kept_back_and_what_that_changed():
    when = datetime(2023, 10, 5, tzinfo=UTC)
    claim = load_claims((ROOT / "seeds" / "claims",))[0]
    claim = replace(
        claim,
        quantity="railcar_equivalents",
        site="yard",
        period=Period.parse("2023-10-01/2023-10-31"),
        comparison="at least",
        low=30.0,
        high=30.0,
        testable=True,
    )

    def outcome(day, value, gate):
        one = Measurement(
            "railcar_equivalents", value, value - 5, value + 5, 0.9, "railcars", "learned", 1.0, gate
        )
        return Outcome(f"s{day}", "yard", "sentinel-2-l2a", when + timedelta(days=day), 10.0, True, (one,))

    outcomes = [outcome(0, 73.0, "snow: on 20% of the ground"), outcome(5, 4.0, PASS)]
    verdicts = [judge(claim, series_of(outcomes))]
    without = [judge(claim, series_of(outcomes, gated=False))]
    told = gate_notes(outcomes, verdicts, without)
    assert told[0].startswith("1 of 2 dates")
    assert "1 snow" in told[0]
    assert without[0].verdict != verdicts[0].verdict
    assert told[1] == f"Without the gate {claim.id} would be {without[0].verdict}, not {verdicts[0].verdict}."
    assert len(series_of(outcomes)[0]) == 1
    assert gate_notes([], [], []) == []


def test_dates_of_other_extents_lie_in_one_frame():
    rng = np.random.default_rng(2)
    when = datetime(2022, 5, 1, 2, tzinfo=UTC)
    lines = [np.array([[30.0, 20.0], [60.0, 22.0]])]
    whole = GeoBox((60, 90), Affine(10, 0, 500_000, 0, -10, 4_700_000), "EPSG:32652")
    pixels = rng.uniform(0.05, 0.3, (3, 60, 90)).astype(np.float32)
    pixels[2] = 4

    def tile(rows, cols):
        grid = GeoBox(
            (60 - rows, 90 - cols),
            Affine(10, 0, 500_000 + 10 * cols, 0, -10, 4_700_000 - 10 * rows),
            whole.crs,
        )
        scene = Scene("s", (Asset(Path("s.tif"), ("B02", "B04", "SCL")),), "sentinel-2-l2a", when)
        return Tile(
            pixels[:, rows:, cols:].copy(), np.ones(grid.shape, bool), grid, ("B02", "B04", "SCL"), scene
        )

    one, other = (
        read_view(tile(r, c), np.ones((60 - r, 90 - c), bool), [lines[0] - [c, r]], no_shift("none"))
        for r, c in ((0, 0), (12, 25))
    )
    assert one.frame == other.frame
    assert one.bands == ("blue", "red")
    there = np.isfinite(other.pixels)
    assert 0.5 < there.mean() < 0.95
    assert np.isfinite(one.pixels).all()
    assert (one.pixels[there] == other.pixels[there]).all()
    assert one.lines_px[0] == pytest.approx(other.lines_px[0])
    # In the morning of a northern spring the sun stands in the south-east: shadows fall to the north-west.
    assert max(one.shadow) < 0
    assert read_view(tile(0, 0), np.ones((60, 90), bool), [lines[0] + 500.0], no_shift("none")) is None


def test_a_mirrored_yard_reads_the_same(found):
    dates = [one for one in found if isinstance(one, Difference)][:4]
    # Stretches of even sides are mirrored without an edge that is filled up.
    planes = ("residual", "spread", "usual", "metres", "cover", "shade")
    even = [replace(one, **{name: getattr(one, name)[..., :14, :60] for name in planes}) for one in dates]
    turned = [replace(one, **{name: getattr(one, name)[..., ::-1].copy() for name in planes}) for one in even]
    reader = Reader(ROOT / "models" / "weights" / "occupancy.safetensors")
    for there, back in zip(reader.read(even), reader.read(turned), strict=True):
        assert back.metres == pytest.approx(there.metres, rel=1e-3, abs=0.05)
        np.testing.assert_allclose(back.filled[:, ::-1], there.filled, atol=1e-4)


def test_restless_ground_shows_in_spread_and_residual_alike(found):
    rng = np.random.default_rng(3)
    dates = [one for one in found if isinstance(one, Difference)]
    rough = []
    for _ in range(8):
        for one, other in zip(dates, restless(dates, rng), strict=True):
            assert (np.isfinite(one.residual) == np.isfinite(other.residual)).all()
            assert np.nanmin(other.spread - one.spread) >= -1e-7
            beside = one.metres < 0.1
            rough.append(
                np.nanstd((other.residual - one.residual)[:, beside] / np.nanmean(other.spread[:, beside]))
            )
    assert 0.5 < np.median(rough) < 1.5  # what is added is as large as the spread that tells of it
    assert np.ptp(rough) > 0.1  # and not the same everywhere
