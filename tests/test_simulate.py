"""The simulated archive: its story, its 10 m sensor, its files, and that it can be painted again."""

import hashlib
import itertools
import json
import math
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pystac
import pytest
import shapely
import yaml

from imagery.errors import ConfigError
from imagery.grid import lonlat_to_pixel
from imagery.reader import open_scene
from imagery.sites import load_site
from imagery.sources.folders.folder import find_scenes
from imagery.synthetic.archive import jobs_of, simulate
from imagery.synthetic.atmosphere import air_of
from imagery.synthetic.classes import CLOUD, DENSE_CLOUD, classified
from imagery.synthetic.coarse import GSD_M
from imagery.synthetic.scenario import load_scenario
from imagery.synthetic.spectra import BANDS
from imagery.synthetic.stock import draw_wagon
from imagery.synthetic.story import Story, rake_length_m
from imagery.synthetic.sun import sun_position

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "configs" / "simulate" / "as-reported.yaml"
TILES = ROOT / "sample_tiles"
REPAINT = "run: yardwatch simulate configs/simulate/as-reported.yaml --out sample_tiles"


@cache
def sample_jobs():
    return jobs_of(load_scenario(SAMPLE))


@cache
def truth():
    return json.loads((TILES / "truth.json").read_text(encoding="utf-8"))


@cache
def inventory():
    return find_scenes([TILES])


@cache
def scenes():
    return {scene.id: scene for scene in inventory().scenes}


def world(site):
    return next(job.world for job in sample_jobs() if job.world.site == site)


def wagons(site, day):
    return world(site).story.on(date.fromisoformat(day)).wagons


# The story


@pytest.mark.parametrize(
    ("day", "count"),
    [("2022-11-18", 5), ("2023-02-02", 30), ("2023-08-20", 37), ("2023-09-14", 0), ("2023-10-05", 73)],
)
def test_published_counts_stand_in_the_yard(day, count):
    assert len(wagons("tumangang", day)) == count


def test_trains_of_6_october_are_as_long_as_published():
    occupied = world("tumangang").story.on(date(2023, 10, 6)).occupied_m
    assert len(occupied) == 5
    assert sum(occupied.values()) == pytest.approx(1000, rel=0.05)
    assert all(metres == pytest.approx(200, rel=0.15) for metres in occupied.values())


def test_traffic_rises_steadily_from_18_september():
    days = [date(2023, 9, 17) + timedelta(days=n) for n in range(19)]
    counts = [len(world("tumangang").story.on(day).wagons) for day in days]
    assert counts[0] == 0
    assert counts[1] > 0
    assert counts == sorted(counts)
    assert not any(w.spec.tarp == "blue" for w in wagons("tumangang", "2023-09-27"))
    assert any(w.spec.tarp == "blue" for w in wagons("tumangang", "2023-09-28"))


@pytest.mark.parametrize("site", ["tumangang", "rajin"])
def test_no_wagon_stands_in_another_or_beyond_its_track(site):
    here = world(site)
    lengths = {t.id: here.frame.tracks.length_m(i) for i, t in enumerate(here.frame.site.tracks)}
    for n in range(0, 1918, 5):
        standing = here.story.on(date(2018, 10, 1) + timedelta(days=n)).wagons
        for one, after in itertools.pairwise(standing):
            assert one.track != after.track or one.end_m < after.start_m
        assert all(0 <= w.start_m and w.end_m <= lengths[w.track] for w in standing)


def test_chance_traffic_stays_below_its_most():
    here = world("tumangang")
    for traffic in here.plan.traffic:
        for n in range((traffic.last - traffic.first).days + 1):
            assert len(here.story.on(traffic.first + timedelta(days=n)).wagons) <= traffic.at_most


def test_nothing_happens_in_the_quiet_scenario():
    quiet = load_scenario(SAMPLE.with_name("quiet.yaml"))
    here = world("tumangang")
    lengths = {t.id: here.frame.tracks.length_m(i) for i, t in enumerate(here.frame.site.tracks)}
    story = Story(quiet.sites[0], "tumangang", lengths, quiet.seed)
    days = [story.on(date(2018, 10, 1) + timedelta(days=n)) for n in range(0, 1918, 5)]
    counts = [len(day.wagons) for day in days]
    assert 10 < max(counts) <= 20
    assert max(counts[-12:]) <= max(counts[:-12])
    assert not any(day.goods for day in days)


def test_a_rake_keeps_its_wagons():
    before, after = wagons("tumangang", "2023-10-05"), wagons("tumangang", "2023-10-06")
    assert before == after
    assert len({w.spec.colour for w in before}) > 10


# Scenarios that cannot be painted


def scenario(folder, change):
    values = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))
    for plan in values["sites"]:
        plan["site"] = str(ROOT / "seeds" / "sites" / Path(plan["site"]).name)
        plan["ground"] = str(ROOT / "configs" / "simulate" / plan["ground"])
    change(values)
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def rake(track="track-1", start_m=10.0, form="gondola", **more):
    days = {"first": "2023-09-13", "last": "2023-09-14"}
    return {**days, "track": track, "start_m": start_m, "cars": [{"form": form, "count": 5}], **more}


def add(*rakes):
    return lambda values: values["sites"][0]["rakes"].extend(rakes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v["sites"][0].update(trafic=[]), r"'sites.0.trafic': did you mean 'traffic'\?"),
        (add(rake(last="2023-09-01")), "lies before first"),
        (add(rake(track="track-99")), "no such track; the site has track-1"),
        (add(rake(start_m=460)), "its track ends at 480 m"),
        (add(rake(start_m=10), rake(start_m=60)), "move one of them"),
        (add(rake(form="zeppelin")), "unknown wagon 'zeppelin'"),
        (lambda v: v.update(seed=-1), "seed = -1"),
    ],
)
def test_an_impossible_scenario_is_refused(tmp_path, change, words):
    with pytest.raises(ConfigError, match=words):
        jobs_of(load_scenario(scenario(tmp_path, change)))


# Light and sensor


@pytest.mark.parametrize(
    ("moment", "lon", "lat", "azimuth", "elevation"),
    [
        (datetime(2023, 6, 21, 12, 2, tzinfo=UTC), 0.0, 51.5, 180.0, 61.94),  # 90 - 51.5 + 23.44
        (
            datetime(2023, 12, 21, 3, 16, tzinfo=UTC),
            130.6,
            42.4,
            180.0,
            24.16,
        ),  # noon there: 90 - 42.4 - 23.44
        (datetime(2023, 3, 20, 18, 7, tzinfo=UTC), 0.0, 0.0, 270.0, 0.0),  # equinox, six hours after noon
    ],
)
def test_the_sun_stands_where_it_must(moment, lon, lat, azimuth, elevation):
    found = sun_position(moment, lon, lat)
    assert found[0] == pytest.approx(azimuth, abs=1.5)
    assert found[1] == pytest.approx(elevation, abs=0.6)


def test_clouds_are_found_mostly_and_not_wholly():
    agreed = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        air = air_of(rng, 9, (80, 120), 160.0, 45.0, sky="broken")
        seen = {band: np.full((80, 120) if GSD_M[band] == 10 else (40, 60), 0.12) for band in BANDS}
        classes = classified(air.through(seen), air, rng)
        cloud = air.alpha.reshape(40, 2, 60, 2).mean(axis=(1, 3)) > 0.5
        agreed.append(float((np.isin(classes, [CLOUD, DENSE_CLOUD]) == cloud).mean()))
    assert 0.85 < np.mean(agreed) < 0.999


# Painted again


@pytest.fixture
def tiny(tmp_path):
    """One site, three days."""

    def shrink(values):
        plan = values["sites"][0]
        plan["margin_m"] = 40.0
        plan["coarse"].update(first="2023-09-30", last="2023-10-07", all_from="2023-09-30")
        for passes in plan["radar"]:
            passes.update(first="2023-09-30", last="2023-10-07")
        plan["fine"].update(days=["2023-10-05"], along_m=[-60, 60], across_m=[-20, 30])
        values["sites"] = [plan]

    return scenario(tmp_path, shrink)


def hashes(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_scenario_gives_the_same_bytes(tiny, tmp_path):
    seen = []

    def progress(jobs):
        for job in jobs:
            seen.append(job.id)
            yield job

    first = hashes(simulate(tiny, tmp_path / "first", progress))
    assert first == hashes(simulate(tiny, tmp_path / "second", lambda jobs: reversed(jobs))) | {
        "truth.json": first["truth.json"]  # its lines follow the order of painting
    }
    assert len(first) == 2 * 3 + 2 * 2 + 2 + 1  # two optical scenes of two files, two of radar, one picture
    assert len(seen) == 5


def test_another_seed_gives_other_bytes(tiny, tmp_path):
    first = hashes(simulate(tiny, tmp_path / "first"))
    values = yaml.safe_load(tiny.read_text(encoding="utf-8"))
    tiny.write_text(yaml.safe_dump({**values, "seed": 1}), encoding="utf-8")
    second = hashes(simulate(tiny, tmp_path / "second"))
    tiffs = [name for name in first if name.endswith(".tif")]
    assert all(first[name] != second[name] for name in tiffs)


def unedited(site):
    """Skip where the user has corrected the site since the archive was painted."""
    if truth()["sites"][site]["site_sha256"] != world(site).site_sha256:
        pytest.skip(f"seeds/sites/{site}.geojson was edited since the archive was painted; {REPAINT}")


COMMITTED = [
    ("tumangang", "2023-10-05", "coarse"),
    ("tumangang", "2019-09-26", "coarse"),
    ("rajin", "2023-10-20", "coarse"),
    ("tumangang", "2023-10-06", "radar"),
]


@pytest.mark.parametrize(("site", "day", "kind"), COMMITTED)
def test_committed_10_m_scenes_can_be_painted_again(site, day, kind, tmp_path):
    unedited(site)
    job = next(j for j in sample_jobs() if (j.world.site, j.day.isoformat(), j.kind) == (site, day, kind))
    told = json.loads(json.dumps(job.paint(tmp_path)))
    for name, digest in hashes(tmp_path).items():
        assert digest == hashlib.sha256((TILES / name).read_bytes()).hexdigest(), f"{name} differs; {REPAINT}"
    assert {"site": site, **told} in truth()["scenes"]


def test_a_committed_picture_can_be_painted_again(tmp_path):
    unedited("rajin")
    job = next(
        j for j in sample_jobs() if j.world.site == "rajin" and j.kind == "fine" and j.day.year == 2023
    )
    job.paint(tmp_path)
    (again,) = find_scenes([tmp_path]).scenes
    kept = scenes()[job.id]
    with open_scene(again) as one, open_scene(kept) as other:
        apart = np.abs(one.read().pixels.astype(int) - other.read().pixels.astype(int))
    # The painter of single wagons works in 32 bits: without AVX2 a few pixels round the other way.
    assert (apart > 0).mean() < 1e-3, REPAINT
    assert apart.max() <= 16


# The committed archive


def test_the_archive_holds_what_the_scenario_says_and_is_small():
    named = {f"{job.world.site}/{job.kind}/{job.id}.json" for job in sample_jobs()}
    found = {path.relative_to(TILES).as_posix() for path in TILES.glob("*/*/*.json")}
    assert found == named, REPAINT
    assert {scene["id"] for scene in truth()["scenes"]} == {Path(name).stem for name in named}
    assert sum(path.stat().st_size for path in TILES.rglob("*") if path.is_file()) < 16 * 2**20


def test_every_item_says_simulated():
    for path in sorted(TILES.glob("*/*/*.json")):
        body = json.loads(path.read_text(encoding="utf-8"))
        item = pystac.Item.from_dict(body)
        assert item.properties["yardwatch:simulated"] is True
        assert item.properties["title"].startswith("SIMULATED")
        assert item.id == path.stem
        assert item.datetime is not None
        lit = ("eo:cloud_cover", "view:sun_azimuth", "view:sun_elevation")
        of_radar = ("sat:relative_orbit", "sat:orbit_state", "view:incidence_angle")
        for key in ("gsd", "proj:epsg", *(of_radar if path.parent.name == "radar" else lit)):
            assert body["properties"][key] is not None, f"{path.name}: {key}"
        for asset in item.assets.values():
            assert (path.parent / asset.href).is_file()
            assert asset.title.startswith("SIMULATED")


def test_every_file_says_simulated_without_its_item(tmp_path):
    for name in ("SIM_S2_L2A_tumangang_20231005T021600_10m.tif", "SIM_RGB_tumangang_20231005T014000.tif"):
        source = next(TILES.rglob(name))
        (tmp_path / name).write_bytes(source.read_bytes())
    found = find_scenes([tmp_path]).scenes
    assert [scene.simulated for scene in found] == [True, True]
    assert {scene.sensor for scene in found} == {"sentinel-2-l2a", "rgb"}
    assert all(scene.taken_at.date() == date(2023, 10, 5) for scene in found)


def test_archive_reads_as_scenes():
    assert not inventory().refused
    assert set(scenes()) == {job.id for job in sample_jobs()}
    kinds = {"coarse": "sentinel-2-l2a", "radar": "sentinel-1-rtc", "fine": "rgb"}
    assert all(scenes()[job.id].sensor == kinds[job.kind] for job in sample_jobs())
    assert all(scene.simulated and scene.taken_at for scene in scenes().values())


def test_reflectance_means_the_same_before_and_after_the_offset():
    """Clear sea off the quay: stored numbers jump by 1000 in January 2022, reflectance does not."""
    clear = [
        scenes()[row["id"]]
        for row in truth()["scenes"]
        if (row["site"], row["kind"]) == ("rajin", "coarse")
        and row["sky"] == "clear"
        and not row["hidden_share"]
    ]
    levels = {0.0: [], -0.1: []}
    for scene in clear[::4]:
        with open_scene(scene) as raster:
            sea = slice(raster.grid.shape[0] - 8, None), slice(0, None)
            levels[scene.assets[0].offset].append(float(raster.read(sea, ["B04"]).pixels.mean()))
    before, after = (float(np.median(values)) for values in levels.values())
    assert min(len(values) for values in levels.values()) > 5
    assert before == pytest.approx(after, abs=0.004)
    assert 0.02 < before < 0.05


def test_truth_lies_on_the_wagons():
    """Where the truth has a blue tarpaulin, the picture is blue; beside it, it is not."""
    row = next(r for r in truth()["scenes"] if r["id"] == "SIM_RGB_tumangang_20231005T014000")
    assert row["railcars"] == len(row["boxes"]) == 73
    assert Counter(box["tarp"] for box in row["boxes"])["blue"] == row["tarps"]["blue"] == 41
    with open_scene(scenes()[row["id"]]) as raster:
        tile = raster.read()
    centres = np.array([[box["lon"], box["lat"]] for box in row["boxes"]])
    pixels = lonlat_to_pixel(tile.grid, centres)
    blueness = tile.pixels[2].astype(float) - tile.pixels[0]
    at = np.array([blueness[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].mean() for x, y in pixels])
    blue = np.array([box["tarp"] == "blue" for box in row["boxes"]])
    assert np.median(at[blue]) > 40
    assert np.median(at[~blue]) < 10


def test_truth_boxes_stand_on_the_sites_tracks():
    unedited("tumangang")
    site = load_site(world("tumangang").plan.site)
    lines = {track.id: shapely.LineString(track.line) for track in site.tracks}
    row = next(r for r in truth()["scenes"] if r["id"] == "SIM_RGB_tumangang_20231020T014000")
    degree = 1 / 111_000
    for box in row["boxes"]:
        assert lines[box["track"]].distance(shapely.Point(box["lon"], box["lat"])) < 1.0 * degree
        assert 90 < box["heading_deg"] < 120  # the tracks run a little south of east


def test_10_m_scenes_show_the_trains():
    """Between an empty clear day and the fullest, the tracks change and their surroundings hardly do."""
    here = world("tumangang")
    bands = []
    for day in ("20230915", "20231005"):
        with open_scene(scenes()[f"SIM_S2_L2A_tumangang_{day}T021600"]) as raster:
            bands.append(raster.read(bands=["B02", "B04"]).pixels)
    change = np.abs(bands[1] - bands[0]).max(axis=0)
    standing = [here.pose(wagon)[0] for wagon in here.story.on(date(2023, 10, 5)).wagons]
    pixel = np.floor(np.array(standing) / 10).astype(int)
    on = change[pixel[:, 1], pixel[:, 0]].mean()
    off = change[:20].mean()
    assert on > 3 * off


def test_radar_scenes_hold_backscatter_and_the_same_wagons_as_the_others():
    rows = [row for row in truth()["scenes"] if row["kind"] == "radar" and row["site"] == "tumangang"]
    assert Counter(row["orbit"] for row in rows).keys() == {61, 127}
    assert min(Counter(row["orbit"] for row in rows).values()) >= 20
    for row in rows:
        standing = wagons("tumangang", row["day"])
        assert row["railcars"] == len(standing)
    with open_scene(scenes()[rows[0]["id"]]) as raster:
        vv, vh = raster.read().pixels
    assert -14 < 10 * np.log10(np.median(vv)) < -7
    assert -21 < 10 * np.log10(np.median(vh)) < -13


def test_clouds_take_a_plausible_share():
    rows = [row for row in truth()["scenes"] if row["kind"] == "coarse"]
    hidden = np.array([row["tracks_hidden_share"] for row in rows])
    assert 0.2 < (hidden > 0.05).mean() < 0.45
    assert any(row["snow"] > 0.3 for row in rows)
    months = {row["day"][:7] for row in rows}
    years = [sum(month.startswith(str(year)) for month in months) for year in range(2019, 2024)]
    assert min(years) >= 8


def test_wagons_have_the_lengths_of_real_ones():
    rng = np.random.default_rng(0)
    assert draw_wagon(rng, "gondola").length_m + 1.14 == pytest.approx(13.92)
    rakes = [r for r in world("tumangang").story.rakes if r.cars[0].form == "gondola" and len(r.cars) == 1]
    full = next(r for r in rakes if r.cars[0].count == 16 and r.cars[0].length_m is None)
    assert rake_length_m(full) == pytest.approx(16 * 13.92 - 1.14, abs=0.01)
    assert math.isclose(rake_length_m(full), 222, rel_tol=0.01)
