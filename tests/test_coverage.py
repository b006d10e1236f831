"""Coverage: every day that was asked about has one state, and the state is the true one."""

import csv
import importlib.util
import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import evidence.cli.coverage as command
from evidence.places.calendars import COLOURS, LETTERS, draw, months, write_table
from evidence.places.fetch_config import load_fetch_config
from evidence.places.fetching import manners_of, surveys_of
from imagery.errors import InputError
from imagery.fetching.coverage import STATES, Day, classes_at, counts, coverage, site_points
from imagery.fetching.fetch import fetch
from imagery.fetching.ledger import LEDGER, Entry, Hole, Ledger, Request, Search
from imagery.fetching.revisit import Pass, expected_days
from imagery.period import Period
from imagery.sites import load_site


def _load(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


world = _load("fetch_world")
S2 = "sentinel-2-l2a"
BANDS = ("B04", "SCL")


def fetched(server, folder, **more):
    config = world.write_config(folder, server, sensors={S2: list(BANDS)}, **more)
    settings, rng = load_fetch_config(config), np.random.default_rng(1)
    fetch(surveys_of(settings, folder, rng, lambda site: None), folder / "out", manners_of(settings), rng)
    return folder / "out"


def on(day):
    return datetime(2023, 9, day, 2, 15, 41, tzinfo=UTC)


def by_day(days):
    return {day.day.day: day for day in days if day.day.month == 9}


def test_each_state_is_told(stac_server, tmp_path):
    world.add_picture(stac_server, on(5), bands=BANDS)
    world.add_picture(stac_server, on(10), bands=BANDS, satellite="S2B", classes=9)
    world.add_picture(stac_server, on(15), bands=BANDS, classes=11)
    failing = world.add_picture(stac_server, on(20), bands=BANDS, satellite="S2B")
    # Nothing on the 25th.
    world.add_picture(stac_server, on(30), bands=BANDS, satellite="S2B", classes=0)
    world.add_picture(stac_server, on(12), bands=BANDS, orbit=3, stored=(1150, 3000))
    world.add_picture(stac_server, on(13), bands=BANDS, orbit=17, cloud=99.0)
    stac_server.fault(f"{failing['id']}/red", times=None)
    days = coverage(fetched(stac_server, tmp_path, period="2023-09", tries=2, max_cloud_percent=95))
    assert len(days) == 30
    found = by_day(days)
    assert {number: (day.state, day.rule) for number, day in found.items() if day.state != "no-pass"} == {
        5: ("measured", ""),
        10: ("clouded", "visibility"),
        12: ("rejected", "dark-pixels"),
        13: ("clouded", "max-cloud"),
        15: ("snow", "visibility"),
        20: ("failed", "busy"),
        25: ("missing", "revisit"),
        30: ("out-of-swath", "visibility"),
    }
    assert "HTTP 500" in found[20].detail
    assert found[5].clear == 1.0
    assert found[20].scenes == (failing["id"],)
    own = counts(days)["yard", S2]
    assert sum(own.values()) == 30
    assert set(own) == set(STATES)


def test_a_search_that_failed_makes_its_days_failed_not_missing(stac_server, tmp_path):
    for day in (5, 15):
        world.add_picture(stac_server, on(day), bands=BANDS)
    fetched(stac_server, tmp_path, period="2023-09")
    stac_server.fault("^/search", times=None)
    days = coverage(fetched(stac_server, tmp_path, period="2023-09", tries=1))
    found = by_day(days)
    assert found[25].state == "failed"
    assert "500" in found[25].detail
    assert found[5].state == "measured"
    assert found[6].state == "no-pass"


def test_without_any_picture_a_failed_search_fails_every_day(stac_server, tmp_path):
    world.add_picture(stac_server, on(5), bands=BANDS)
    stac_server.fault("^/search", times=None)
    days = coverage(fetched(stac_server, tmp_path, period="2023-09", tries=1))
    assert {day.state for day in days} == {"failed"}


def test_pieces_of_one_overpass_are_looked_at_together(stac_server, tmp_path):
    # The track runs from 130.6222 to 130.6248: one tile has its west, the other its east.
    middle = 37  # pixels from the grid's corner
    for tile, right in (("52TFM", middle - 128), ("52TGM", middle)):
        world.add_picture(stac_server, on(5), bands=BANDS, tile=tile, grid=world.grid_at(right + 20, 0))
    out = fetched(stac_server, tmp_path, period="2023-09")
    (site,) = (load_site(path) for path in out.glob("*/*.geojson"))
    pieces = [classes_at(path.parent, S2, site_points(site)) for path in sorted(out.rglob("SCL.tif"))]
    assert len(pieces) == 2
    assert all(0 < (piece == 3).mean() < 0.95 for piece in pieces)
    day = by_day(coverage(out))[5]
    assert (day.state, day.clear) == ("measured", 1.0)
    assert len(day.scenes) == 2


def test_the_share_that_must_be_seen_is_the_user_s(stac_server, tmp_path):
    classes = np.full((64, 64), 4, np.uint8)
    classes[:, 25:] = 9  # a cloud over the east of the track
    world.add_picture(stac_server, on(5), bands=BANDS, classes=classes)
    out = fetched(stac_server, tmp_path, period="2023-09")
    share = by_day(coverage(out))[5].clear
    assert 0.05 < share < 0.95
    assert by_day(coverage(out, min_seen=share))[5].state == "measured"
    assert by_day(coverage(out, min_seen=share + 0.01))[5].state == "clouded"


def test_tracks_that_nobody_surveyed_are_not_trusted(tmp_path):
    surveyed = site_points(load_site(world.write_site(tmp_path)))
    assert surveyed[:, 1].min() > 42.41899
    assert surveyed[:, 1].max() < 42.41911
    guessed = site_points(load_site(world.write_site(tmp_path, approximate=True)))
    assert guessed[:, 1].min() < 42.4187
    assert guessed[:, 1].max() > 42.4193
    assert 200 < len(guessed) < 500  # 250 x 110 m, a point every 10 m


def test_what_was_deleted_from_the_folder_is_not_measured(stac_server, tmp_path):
    world.add_picture(stac_server, on(5), bands=BANDS)
    out = fetched(stac_server, tmp_path, period="2023-09")
    (path,) = out.rglob("SCL.tif")
    path.unlink()
    day = by_day(coverage(out))[5]
    assert day.state == "failed"
    assert "fetch again" in day.detail


def test_dawn_passes_belong_to_the_local_day(tmp_path):
    """Sentinel-1's dawn pass at 21:30 UTC lies on the next local day, here the one after the period."""
    ledger = Ledger(tmp_path / LEDGER)
    sensor = "sentinel-1-rtc"
    dawn = datetime(2023, 9, 30, 21, 30, tzinfo=UTC)
    ledger.add(
        [
            Request("yard", sensor, world.BOX, 50.0, ("VV",)),
            Search("yard", "local", (sensor,), date(2023, 9, 1), date(2023, 10, 1), 1, ()),
            Entry("yard", "failed", sensor, "local", "c", "S1A_x", date(2023, 10, 1), dawn, "S1A_1_2", 61),
        ]
    )
    ledger.close()
    days = coverage(tmp_path, [load_site(world.write_site(tmp_path))])
    assert days[-1].day == date(2023, 10, 1)
    assert days[-1].state == "failed"
    assert len(days) == 31


def test_a_folder_without_ledger_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match="yardwatch fetch"):
        coverage(tmp_path)


# Revisits

YEAR = Period(date(2023, 1, 1), date(2024, 1, 1))


def passes(satellite, orbit, first, every, times, missing=()):
    days = [first + timedelta(days=every * i) for i in range(times) if i not in missing]
    return [Pass(f"{satellite}_{day:%Y%m%d}T021541", orbit, day) for day in days]


def test_two_satellites_make_five_days():
    seen = passes("S2A", 103, date(2023, 5, 2), 10, 3) + passes("S2B", 103, date(2023, 5, 7), 10, 2)
    days = sorted(expected_days(seen, YEAR))
    assert {(b - a).days for a, b in pairwise(days)} == {5}
    assert days[0] < date(2023, 1, 6)
    assert days[-1] > date(2023, 12, 26)


def test_a_satellite_that_is_gone_is_not_expected():
    seen = passes("S2A", 103, date(2024, 11, 2), 10, 5)
    days = expected_days(seen, Period(date(2024, 10, 1), date(2025, 6, 1)))
    assert max(days) < date(2025, 1, 21)


def test_one_picture_tells_no_rhythm():
    assert not expected_days(passes("S2A", 103, date(2023, 5, 2), 10, 1), YEAR)


def test_unknown_satellites_tell_no_rhythm():
    assert not expected_days([Pass("landsat-9_2023", 3, date(2023, 1, day)) for day in (1, 11)], YEAR)


def test_radar_is_expected_only_where_it_was_taken():
    seen = passes("S1A", 61, date(2023, 3, 1), 12, 10, missing={4, 5})
    expected = expected_days(seen, YEAR)
    assert {one.day for one in seen} < expected
    assert len(expected) == 10
    assert (min(expected), max(expected)) == (date(2023, 3, 1), date(2023, 3, 1) + timedelta(days=108))
    sparse = passes("S1A", 61, date(2023, 3, 1), 12, 20, missing=set(range(1, 19)))
    assert not expected_days(sparse, YEAR)


@given(
    missing=st.sets(st.integers(0, 35), max_size=33),
    start=st.integers(0, 9),
    orbit=st.integers(1, 143),
    satellite=st.sampled_from(["S2A", "S2B"]),
)
def test_a_hole_of_any_shape_is_filled(missing, start, orbit, satellite):
    first = date(2023, 1, 1) + timedelta(days=start)
    every = {one.day for one in passes(satellite, orbit, first, 10, 36)}
    seen = passes(satellite, orbit, first, 10, 36, missing)
    assert {day for day in expected_days(seen, YEAR) if day <= max(every)} == every


# Calendar


def some_days():
    states = {1: "measured", 2: "failed", 28: "missing"}
    return [
        Day(
            "yard",
            S2,
            date(2023, 2, i),
            states.get(i, "no-pass"),
            clear=0.9 if i == 1 else None,
            scenes=("a", "b"),
        )
        for i in range(1, 29)
    ]


def test_months_have_their_own_length():
    ((first, states),) = months(some_days())
    assert first == date(2023, 2, 1)
    assert len(states) == 31
    assert states[0] == "measured"
    assert states[27] == "missing"
    assert states[28:] == [None, None, None]


def test_every_state_has_a_letter_and_a_colour_of_its_own():
    assert set(LETTERS) == set(COLOURS) == set(STATES)
    assert len(set(LETTERS.values())) == len(set(COLOURS.values())) == len(STATES)


def test_the_picture_is_the_same_each_time_and_shows_the_colours(tmp_path):
    draw(some_days(), tmp_path / "a.svg")
    draw(some_days(), tmp_path / "b.svg")
    text = (tmp_path / "a.svg").read_text()
    assert text == (tmp_path / "b.svg").read_text()
    for state in ("measured", "failed", "missing"):
        assert COLOURS[state] in text
    draw(some_days(), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match=r"\.svg or \.png"):
        draw(some_days(), tmp_path / "a.pdf")


def test_the_table_has_every_day(tmp_path):
    write_table(some_days(), tmp_path / "days.csv")
    with (tmp_path / "days.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 28
    assert rows[0]["clear_share"] == "0.900"
    assert rows[1]["state"] == "failed"
    assert rows[0]["scenes"] == "a b"


def test_the_command_prints_draws_and_writes(stac_server, tmp_path):
    world.add_archive(stac_server, 6)
    out = fetched(stac_server, tmp_path)
    app = typer.Typer()
    app.command()(command.main)
    result = CliRunner().invoke(app, [str(out)])
    assert result.exit_code == 0, result.output
    assert "2023-09 ····M····M····M····M····M····M" in result.output
    assert "2023-10 ····?····?····?····?····?····?·" in result.output
    assert re.search(r"M measured\W+6\b", result.output)
    assert (out / "coverage.svg").is_file()
    assert len((out / "coverage.csv").read_text().splitlines()) == 1 + 61
    assert CliRunner().invoke(app, [str(tmp_path)]).exit_code == 2
    assert CliRunner().invoke(app, [str(out), "--min-seen", "2"]).exit_code == 2


def test_holes_keep_their_days():
    hole = Hole("c", S2, date(2023, 1, 1), date(2023, 2, 1), "why")
    assert hole.period.days == 31
