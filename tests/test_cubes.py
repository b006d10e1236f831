"""NetCDF and Zarr cubes: a Scene a time step, and what a hostile cube may not do."""

import json
from datetime import UTC, datetime

import h5py
import numpy as np
import pytest
import xarray as xr

from imagery.errors import UnreadableError
from imagery.grid import ground_gsd, pixel_to_lonlat
from imagery.reader import open_scene
from imagery.sources.folders.describe import describe
from imagery.sources.folders.folder import find_scenes

TIMES = np.array(["2018-08-04T10:50:22", "2018-08-14T10:50:21", "2018-08-19T10:56:22"], "datetime64[s]")
WKT = "EPSG:32631"


def cube(
    bands, size=8, step=10.0, times=TIMES, *, south_up=False, dtype=np.uint16, attrs=None, dim="t", shift=0
):
    """Values say where they are: 1000 x step number + 10 x row + column, rows counted from the north."""
    n = len(times)
    values = (
        1000 * (np.arange(n) + 1 + shift)[:, None, None] + 10 * np.arange(size)[:, None] + np.arange(size)
    ).astype(dtype)
    y = 5_622_440 - step * (np.arange(size) + 0.5)
    if south_up:
        values, y = values[:, ::-1], y[::-1]
    data = xr.Dataset(
        {band: ((dim, "y", "x"), values.copy(), {"grid_mapping": "crs", **(attrs or {})}) for band in bands},
        {dim: times.astype("datetime64[ns]"), "y": y, "x": 574_680 + step * (np.arange(size) + 0.5)},
    )
    data["crs"] = ((), 0, {"crs_wkt": WKT})
    return data


def truth(step, size=8):
    return 1000 * (step + 1) + 10 * np.arange(size)[:, None] + np.arange(size)


def write(data, path):
    """By the three formats that xarray writes."""
    if path.suffix == ".zarr":
        data.to_zarr(path, consolidated=False, zarr_format=2 if "two" in path.name else 3)
    else:
        data.to_netcdf(path, engine="scipy" if "classic" in path.name else "h5netcdf")
    return path


@pytest.mark.parametrize("name", ["a.nc", "classic.nc", "two.zarr", "three.zarr"])
@pytest.mark.parametrize("south_up", [False, True])
def test_each_time_step_is_a_scene_on_the_right_ground(tmp_path, name, south_up):
    dtype = np.int16 if "classic" in name else np.uint16  # the classic format has no unsigned integers
    write(cube(["B02", "B03"], south_up=south_up, dtype=dtype), tmp_path / name)
    found = find_scenes([tmp_path])
    assert found.refused == ()
    assert [scene.taken_at for scene in found.scenes] == [
        moment.replace(tzinfo=UTC) for moment in TIMES.astype(object)
    ]
    assert {scene.bands for scene in found.scenes} == {("B02", "B03")}
    assert {scene.sensor for scene in found.scenes} == {"sentinel-2"}
    assert found.scenes[0].id.endswith("@20180804T105022Z")
    for step, scene in enumerate(found.scenes):
        with open_scene(scene) as raster:
            assert raster.grid is raster.native_grid
            assert ground_gsd(raster.grid) == pytest.approx(10, rel=1e-3)
            tile = raster.read((slice(2, 5), slice(1, 8)), ["B03"])
            assert np.array_equal(tile.pixels[0], truth(step)[2:5, 1:8])
            assert tile.valid.all()
            lon, lat = pixel_to_lonlat(raster.grid, np.array([[0.0, 0.0]]))[0]
            assert (lon, lat) == pytest.approx((4.06, 50.74), abs=0.02)
            small = raster.read(shape=(4, 4))
            assert set(small.pixels.ravel()) <= set(truth(step).ravel())


def test_scale_and_fill_value_are_those_of_the_cube(tmp_path):
    data = cube(["VV", "VH"], dtype=np.int32, attrs={"scale_factor": 1e-3})
    data["VV"].values[0, :3] = -999
    data["VH"].values[0, :4] = -999
    for band in ("VV", "VH"):
        data[band].attrs["_FillValue"] = np.int32(-999)
    write(data, tmp_path / "S1_GRD-ASCENDING_x.nc")
    scene = find_scenes([tmp_path]).scenes[0]
    assert scene.sensor == "sentinel-1-grd"
    with open_scene(scene) as raster:
        tile = raster.read()
    assert tile.pixels.dtype == np.float32
    assert np.allclose(tile.band("VV")[3:], truth(0)[3:] * 1e-3)
    assert tile.valid.sum() == 5 * 8  # missing where both bands are


def test_cubes_of_10_and_20_m_of_one_place_are_one_scene(tmp_path):
    late = np.append(TIMES[1:], np.datetime64("2018-09-03T10:50:20", "s"))
    write(cube(["B02", "B08"]), tmp_path / "S2_L2A_10m_0A.nc")
    coarse = cube(["B11", "SCL"], size=4, step=20.0, times=late, shift=1)
    coarse["SCL"] = coarse["SCL"].astype(np.uint8) * 0 + np.uint8(9)
    coarse["B11"].attrs["scale_factor"] = 1e-4
    coarse["sunAzimuthAngles"] = ("t", np.array([150.0, 160.0, 0.0], np.float32))
    coarse["sunZenithAngles"] = ("t", np.array([40.0, 50.0, 0.0], np.float32))
    write(coarse, tmp_path / "S2_L2A_20m_0A.nc")
    write(cube(["B02"], times=TIMES[:1]), tmp_path / "S2_L2A_10m_0B.nc")
    found = {scene.id: scene for scene in find_scenes([tmp_path]).scenes}
    assert {key: scene.bands for key, scene in found.items()} == {
        "S2_L2A_10m_0A@20180804T105022Z": ("B02", "B08"),
        "S2_L2A_0A@20180814T105021Z": ("B02", "B08", "B11", "SCL"),
        "S2_L2A_0A@20180819T105622Z": ("B02", "B08", "B11", "SCL"),
        "S2_L2A_20m_0A@20180903T105020Z": ("B11", "SCL"),
        "S2_L2A_10m_0B@20180804T105022Z": ("B02",),
    }
    both = found["S2_L2A_0A@20180814T105021Z"]
    assert (both.sun_azimuth_deg, both.sun_elevation_deg) == (150.0, 50.0)
    assert found["S2_L2A_20m_0A@20180903T105020Z"].sun_elevation_deg is None
    with open_scene(both) as raster:
        tile = raster.read()
    assert np.array_equal(tile.band("B02"), truth(1))
    assert (tile.band("SCL") == 9).all()
    assert tile.band("B11").mean() == pytest.approx(truth(1, 4).mean() * 1e-4, rel=0.01)


def test_a_band_dimension_a_missing_time_and_degrees(tmp_path):
    data = cube(["B02", "B8A"], times=TIMES[:1])
    stacked = xr.concat([data["B02"], data["B8A"] + np.uint16(5)], "bands").assign_coords(
        bands=["B02", "B8A"]
    )
    write(xr.Dataset({"stack": stacked, "crs": data["crs"]}), tmp_path / "bands.nc")
    flat = data[["B02"]].isel(t=0, drop=True).rename(y="lat", x="lon")
    flat = flat.assign_coords(lat=42.3 - 1e-4 * np.arange(8), lon=130.5 + 1e-4 * np.arange(8))
    flat["B02"].attrs = {}
    write(flat, tmp_path / "flat_2023-10-05.nc")
    found = {scene.id.split("@")[0]: scene for scene in find_scenes([tmp_path]).scenes}
    with open_scene(found["bands"]) as raster:
        assert raster.bands == ("B02", "B8A")
        assert np.array_equal(raster.read(bands=["B8A"]).pixels[0], truth(0) + 5)
    assert found["flat_2023-10-05"].taken_at == datetime(2023, 10, 5, tzinfo=UTC)
    with open_scene(found["flat_2023-10-05"]) as raster:
        assert str(raster.native_grid.crs) == "EPSG:4326"
        assert str(raster.grid.crs) == "EPSG:32652"
        assert raster.read().valid.mean() > 0.7


def test_without_position_a_gsd_is_needed(tmp_path):
    data = cube(["B02"]).drop_vars(["x", "y"])
    write(data, tmp_path / "a.nc")
    assert [file.reason for file in find_scenes([tmp_path]).refused] == ["no-gsd"]
    scene = find_scenes([tmp_path], 10.0).scenes[0]
    with open_scene(scene) as raster:
        assert raster.grid.crs is None
        assert raster.read().gsd_m == pytest.approx(10)


def test_two_steps_of_one_second_are_one_scene_and_one_refusal(tmp_path):
    write(cube(["B02"], times=TIMES[[0, 0, 1]]), tmp_path / "a.nc")
    found = find_scenes([tmp_path])
    assert len(found.scenes) == 2
    assert [file.reason for file in found.refused] == ["duplicate-id"]


def reasons(path):
    return [file.reason for file in find_scenes([path]).refused]


def test_damaged_and_empty_cubes_are_refused_and_the_rest_goes_on(tmp_path):
    write(cube(["B02"]), tmp_path / "good.nc")
    whole = (tmp_path / "good.nc").read_bytes()
    (tmp_path / "cut.nc").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.nc").write_bytes(b"")
    (tmp_path / "text.nc").write_text("text")
    write(cube(["B02"])[["crs"]], tmp_path / "nothing.nc")
    write(cube(["B02"]).assign_coords(t=[1.5, 2.5, 3.5]), tmp_path / "untimed.nc")
    found = find_scenes([tmp_path])
    assert len(found.scenes) == 3
    assert {file.path.name: file.reason for file in found.refused} == {
        "cut.nc": "unreadable",
        "empty.nc": "empty-file",
        "nothing.nc": "not-an-image",
        "text.nc": "not-an-image",
        "untimed.nc": "bad-time",
    }


@pytest.mark.parametrize("name", ["a.nc", "two.zarr", "three.zarr"])
def test_a_chunk_that_breaks_off_is_an_error_and_never_pixels(tmp_path, name):
    path = tmp_path / name
    data = cube(["B02"], size=200)
    data["B02"].values[:] = np.random.default_rng(1).integers(1, 9000, (3, 200, 200))
    data["B02"].encoding = {"zlib": True, "chunksizes": (3, 200, 200)} if name == "a.nc" else {}
    write(data, path)
    files = [path] if path.is_file() else [f for f in (path / "B02").rglob("*") if f.is_file()]
    largest = max(files, key=lambda file: file.stat().st_size)
    whole = bytearray(largest.read_bytes())
    if name == "a.nc":
        whole[len(whole) // 2 : len(whole) // 2 + 2000] = bytes(2000)
    largest.write_bytes(whole if name == "a.nc" else whole[:100])
    found = find_scenes([path])
    for scene in found.scenes:
        with open_scene(scene) as raster, pytest.raises(UnreadableError, match=f"{name}.*B02 cannot be read"):
            raster.read()
    assert found.scenes or [file.reason for file in found.refused] == ["unreadable"]


def test_a_cube_may_not_reach_into_other_files(tmp_path):
    write(cube(["B02"]), tmp_path / "good.nc")
    for name, link in (("link", h5py.ExternalLink("good.nc", "/B02")), ("soft", None), ("virtual", None)):
        path = tmp_path / f"{name}.nc"
        write(cube(["B03"]), path)
        with h5py.File(path, "a") as file:
            if link is not None:
                file["B02"] = link
            elif name == "soft":
                file.create_dataset("raw", (3, 8, 8), "u2", external=[("/etc/hostname", 0, 384)])
            else:
                layout = h5py.VirtualLayout((3, 8, 8), "u2")
                layout[:] = h5py.VirtualSource("good.nc", "B02", (3, 8, 8))
                file.create_virtual_dataset("B09", layout)
        assert reasons(path) == ["outside-folder"], name
    store = write(cube(["B02"]), tmp_path / "two.zarr")
    (store / "out").symlink_to("/etc")
    assert reasons(store) == ["outside-folder"]


@pytest.mark.parametrize("name", ["two.zarr", "three.zarr"])
def test_a_codec_that_could_run_code_is_refused_before_anything_is_decoded(tmp_path, name):
    assert len(find_scenes([write(cube(["B02"]), tmp_path / "good" / name)]).scenes) == 3
    store = write(cube(["B02"]), tmp_path / name)
    meta = store / "t" / (".zarray" if "two" in name else "zarr.json")
    body = json.loads(meta.read_text())
    if "two" in name:
        body["filters"] = [{"id": "pickle"}]
    else:
        body["codecs"].append({"name": "numcodecs.pickle"})
    meta.write_text(json.dumps(body))
    assert reasons(store) == ["unsafe-codec"]


def test_sizes_are_bounded_before_memory_is_taken(tmp_path):
    with h5py.File(tmp_path / "chunk.nc", "w") as file:
        file.create_dataset("B02", (1, 30_000, 30_000), "u2", chunks=(1, 30_000, 30_000), compression="gzip")
    with h5py.File(tmp_path / "axis.nc", "w") as file:
        file.create_dataset("x", (10**9,), "f8", chunks=(1000,), compression="gzip")
    assert sorted(reasons(tmp_path)) == ["too-large", "too-large"]


def test_real_cubes_of_one_place(real_data):
    found = find_scenes(sorted((real_data / "sentinel-real").glob("*.nc")))
    assert found.refused == ()
    optical = [scene for scene in found.scenes if scene.sensor == "sentinel-2-l2a"]
    radar = [scene for scene in found.scenes if scene.sensor == "sentinel-1-grd"]
    assert (len(optical), len(radar)) == (72, 80)
    assert all("SCL" in scene.bands and "B04" in scene.bands for scene in optical)
    with open_scene(optical[0]) as raster, open_scene(radar[0]) as backscatter:
        tile, decibels = raster.read(), backscatter.read()
    assert tile.pixels.shape == (11, 64, 64)
    assert 0 < tile.band("B04").mean() < 1  # reflectance
    assert set(np.unique(tile.band("SCL"))) <= set(range(12))
    assert -30 < decibels.band("VV").mean() < 0  # dB
    row = describe(find_scenes(sorted((real_data / "sentinel-real").glob("S1*.nc"))))[0]
    assert (row.regime, row.crs, row.gsd_m) == ("corridor", "EPSG:32631", pytest.approx(20, rel=1e-2))
