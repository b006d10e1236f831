"""Opened scenes: windows, masks, grids, and what hostile files do."""

import struct
import subprocess
import sys
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from rasterio.enums import ColorInterp

from imagery.errors import InputError, UnreadableError
from imagery.grid import (
    ground_gsd,
    is_square,
    local_grid,
    lonlat_to_pixel,
    map_to_pixel,
    pixel_to_lonlat,
    pixel_to_map,
)
from imagery.reader import ArrayRaster, open_scene
from imagery.scenes import Asset, Scene
from imagery.sources.files.rasterfile import read_header
from imagery.sources.files.write import write_cog
from imagery.visibility import believable

RGB = ("red", "green", "blue")
UTM = "EPSG:32652"


def grid(rows, cols, step=10.0, crs=UTM):
    return GeoBox((rows, cols), Affine(step, 0, 560_000, 0, -step, 4_690_000), crs)


def noise(shape, dtype=np.uint16, low=100, high=200):
    return np.random.default_rng(7).integers(low, high, shape).astype(dtype)


def raw(path, pixels, *, crs=UTM, transform=None, **options):
    """Write as other programs do: by rasterio itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(
            path,
            "w",
            driver=options.pop("driver", "GTiff"),
            count=len(pixels),
            height=pixels.shape[1],
            width=pixels.shape[2],
            dtype=pixels.dtype,
            crs=crs,
            transform=transform or grid(*pixels.shape[1:]).affine,
            **options,
        ) as file:
            file.write(pixels)
    return path


def scene(*assets, **facts):
    return Scene("s", tuple(assets), **facts)


def read(*assets, bands=None, roi=None, shape=None, square=True, **facts):
    with open_scene(scene(*assets, **facts), square) as raster:
        return raster.read(roi, bands, shape)


@pytest.fixture(scope="module")
def two_bands(tmp_path_factory):
    path = tmp_path_factory.mktemp("w") / "a.tif"
    pixels = noise((2, 60, 70))
    write_cog(path, pixels, grid(60, 70), ("B04", "B03"), nodata=0)
    return path, pixels


@given(st.data())
def test_a_window_is_that_part_of_the_whole(two_bands, data):
    path, pixels = two_bands
    top, left = data.draw(st.integers(0, 59)), data.draw(st.integers(0, 69))
    roi = slice(top, data.draw(st.integers(top + 1, 60))), slice(left, data.draw(st.integers(left + 1, 70)))
    with open_scene(scene(Asset(path, ("B04", "B03")))) as raster:
        tile = raster.read(roi, ["B03"])
        assert raster.native_grid is raster.grid
    assert np.array_equal(tile.pixels, pixels[1:, *roi])
    assert tile.pixels.dtype == np.uint16
    assert tile.valid.all()
    corner = np.array([[left, top]], dtype=float)
    assert np.allclose(pixel_to_map(tile.grid, np.zeros((1, 2))), pixel_to_map(grid(60, 70), corner))


def test_files_and_arrays_read_alike(tmp_path):
    pixels = noise((2, 40, 50))
    write_cog(tmp_path / "a.tif", pixels, grid(40, 50), ("B04", "B03"))
    one = scene(Asset(tmp_path / "a.tif", ("B04", "B03")))
    roi = slice(3, 17), slice(5, 50)
    with open_scene(one) as raster, ArrayRaster(one, grid(40, 50), pixels) as fake:
        ours, theirs = raster.read(roi), fake.read(roi)
        assert raster.bands == fake.bands
        assert raster.grid == fake.grid
    assert np.array_equal(ours.pixels, theirs.pixels)
    assert ours.grid == theirs.grid


def test_black_is_a_colour_and_only_all_bands_at_nodata_are_missing(tmp_path):
    pixels = noise((3, 8, 8), np.uint8)
    pixels[0, 2, 2] = 0  # no red in it
    pixels[:, 5, 5] = 0  # no data
    raw(tmp_path / "a.tif", pixels, nodata=0, photometric="rgb")
    tile = read(Asset(tmp_path / "a.tif", RGB))
    assert np.argwhere(~tile.valid).tolist() == [[5, 5]]


def test_nodata_stated_beside_a_silent_file_counts(tmp_path):
    pixels = noise((1, 8, 8))
    pixels[0, :2] = 9999
    raw(tmp_path / "a.tif", pixels)
    assert read(Asset(tmp_path / "a.tif", ("B04",))).valid.all()
    tile = read(Asset(tmp_path / "a.tif", ("B04",), nodata=9999))
    assert (~tile.valid).sum() == 16
    # Decimated, no stated value may bleed into its neighbours, though GDAL does not know of it.
    small = read(Asset(tmp_path / "a.tif", ("B04",), nodata=9999), shape=(3, 3))
    assert small.pixels[:, small.valid].max() < 200


def test_alpha_is_a_mask_and_never_a_band(tmp_path):
    pixels = noise((4, 20, 30), np.uint8)
    pixels[3] = 255
    pixels[3, :, :15] = 0
    raw(tmp_path / "a.png", pixels, driver="PNG", crs=None)
    assert read_header(tmp_path / "a.png").data_bands == (0, 1, 2)
    tile = read(Asset(tmp_path / "a.png", RGB), gsd_m=0.5)
    assert tile.bands == RGB
    assert np.array_equal(tile.pixels, pixels[:3])
    assert not tile.valid[:, :15].any()
    assert tile.valid[:, 15:].all()


def test_an_internal_mask_is_honoured(tmp_path):
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", count=1, height=9, width=9, dtype="uint8", crs=UTM,
        transform=grid(9, 9).affine,
    ) as file:  # fmt: skip
        file.write(noise((1, 9, 9), np.uint8))
        file.write_mask(np.arange(81).reshape(9, 9) >= 27)
    assert read(Asset(tmp_path / "a.tif", ("grey",))).valid.sum() == 54


@pytest.mark.parametrize("band", ["CLD", "cloud_probability"])
def test_clear_sky_is_no_missing_data(tmp_path, band):
    """A probability of cloud of 0, though its file calls 0 nodata; for reflectance it is."""
    percent = np.zeros((1, 16, 16), np.uint8)
    percent[0, :4] = 80
    path = raw(tmp_path / "a.tif", percent, nodata=0)
    tile = read(Asset(path, (band,), nodata=0))
    assert tile.valid.all()
    assert np.array_equal(believable(tile), percent[0] < 50)
    small = read(Asset(path, (band,)), shape=(2, 2))
    assert small.valid.all()
    assert small.pixels[0, 1].tolist() == [0, 0]
    assert (~read(Asset(path, ("B04",))).valid).sum() == 12 * 16


@pytest.mark.parametrize("nodata", [-9999.0, 300.0, 1.5, 1e300])
def test_a_nodata_value_that_no_pixel_can_have_hides_none(tmp_path, nodata):
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    path = raw(tmp_path / "a.tif", pixels)
    tile = read(Asset(path, ("B04",), nodata=nodata))
    assert tile.valid.all()
    assert np.array_equal(tile.pixels, pixels)


def test_a_band_may_be_asked_for_twice_and_in_any_order(tmp_path):
    pixels = noise((3, 8, 8), np.uint8)
    path = raw(tmp_path / "a.tif", pixels)
    tile = read(Asset(path, RGB), bands=["blue", "red", "blue"])
    assert np.array_equal(tile.pixels, pixels[[2, 0, 2]])


def test_not_a_number_and_infinity_are_missing(tmp_path):
    pixels = noise((2, 6, 6)).astype(np.float32)
    pixels[0, 1, 1], pixels[1, 2, 2], pixels[1, 3, 3] = np.nan, np.inf, -np.inf
    raw(tmp_path / "a.tif", pixels)
    tile = read(Asset(tmp_path / "a.tif", ("VV", "VH")))
    assert np.argwhere(~tile.valid).tolist() == [[1, 1], [2, 2], [3, 3]]


@pytest.mark.parametrize("value", [0, np.nan])
def test_an_image_of_nodata_alone_is_read_and_wholly_missing(tmp_path, value):
    raw(tmp_path / "a.tif", np.full((1, 12, 12), value, np.float32), nodata=value)
    tile = read(Asset(tmp_path / "a.tif", ("B04",)))
    assert not tile.valid.any()
    assert not read(Asset(tmp_path / "a.tif", ("B04",)), shape=(3, 3)).valid.any()


def test_palette_images_show_their_colours(tmp_path):
    index = np.array([[[0, 1], [2, 1]]], np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(
            tmp_path / "a.tif", "w", driver="GTiff", count=1, height=2, width=2, dtype="uint8"
        ) as file:
            file.write(index)
            file.write_colormap(1, {0: (10, 20, 30, 255), 1: (200, 100, 0, 255), 2: (0, 0, 0, 255)})
    tile = read(Asset(tmp_path / "a.tif", RGB), gsd_m=1, bands=["blue", "red"])
    assert tile.pixels[:, 0, 0].tolist() == [30, 10]
    assert tile.pixels[:, 0, 1].tolist() == [0, 200]


def test_scales_give_physical_values_but_classes_stay_classes(tmp_path):
    pixels = np.stack([np.full((8, 8), 2000), np.full((8, 8), 9)]).astype(np.uint16)
    raw(tmp_path / "a.tif", pixels)
    tile = read(Asset(tmp_path / "a.tif", ("B04", "SCL"), scale=1e-4, offset=-0.1))
    assert tile.pixels.dtype == np.float32
    assert np.allclose(tile.band("B04"), 0.1)
    assert (tile.band("SCL") == 9).all()
    assert read(Asset(tmp_path / "a.tif", ("B04", "SCL"))).pixels.dtype == np.uint16


@pytest.fixture
def two_resolutions(tmp_path):
    """10 m B04; 20 m B11 (a ramp, half of it missing) and SCL over the same ground."""
    fine = noise((1, 40, 60))
    ramp = np.broadcast_to(1000 + 10 * np.arange(30, dtype=np.uint16), (20, 30)).copy()
    ramp[10:] = 0
    classes = np.where(np.arange(30) < 15, 4, 9)[None].repeat(20, 0).astype(np.uint8)
    write_cog(tmp_path / "B04.tif", fine, grid(40, 60), ("B04",), nodata=0)
    write_cog(tmp_path / "B11.tif", ramp[None], grid(20, 30, 20.0), ("B11",), nodata=0)
    write_cog(tmp_path / "SCL.tif", classes[None], grid(20, 30, 20.0), ("SCL",), nodata=0)
    assets = [Asset(tmp_path / f"{name}.tif", (name,)) for name in ("SCL", "B11", "B04")]
    return scene(*assets), fine, ramp, classes


def test_coarser_bands_are_read_on_the_grid_of_the_finest(two_resolutions):
    one, fine, _, classes = two_resolutions
    with open_scene(one) as raster:
        assert raster.grid == grid(40, 60)
        tile = raster.read()
        assert np.array_equal(tile.band("B04"), fine[0])
        assert np.array_equal(tile.band("SCL"), classes.repeat(2, 0).repeat(2, 1))
        b11 = tile.band("B11").astype(float)
        # The centre of fine column c lies at (c + .5) / 2 - .5 coarse columns from the first centre.
        expected = 1000 + 10 * np.clip((np.arange(60) + 0.5) / 2 - 0.5, 0, 29)
        assert np.abs(b11[:18, 1:-1] - expected[1:-1]).max() <= 1
        assert not tile.valid[21:].any()
        assert tile.valid[:18].all()
        assert b11[tile.valid].min() >= 1000  # nothing of the missing half has bled in
        assert raster.read(bands=["B04", "SCL"]).valid.all()
        part = raster.read((slice(7, 19), slice(11, 33)), ["B11"])
    assert np.array_equal(part.pixels[0], tile.band("B11")[7:19, 11:33])


def test_files_of_two_zones_meet_on_one_grid(tmp_path):
    """The same ground in its own UTM zone and in the next one: the second is brought onto the first."""
    here = grid(60, 60)
    corner = Transformer.from_crs(4326, 32651, always_xy=True).transform(
        *pixel_to_lonlat(here, np.array([[0.0, 0.0]]))[0]
    )
    there = GeoBox((60, 60), Affine(20, 0, corner[0] - 300, 0, -20, corner[1] + 300), "EPSG:32651")
    places = pixel_to_lonlat(here, np.array([[30.0, 30.0]]))
    far = np.full((1, *there.shape), 50, np.uint8)
    col, row = lonlat_to_pixel(there, places)[0].astype(int)
    far[0, row - 1 : row + 2, col - 1 : col + 2] = 250
    write_cog(tmp_path / "a.tif", noise((1, 60, 60), np.uint8), here, ("B04",))
    write_cog(tmp_path / "b.tif", far, there, ("B11",))
    tile = read(Asset(tmp_path / "a.tif", ("B04",)), Asset(tmp_path / "b.tif", ("B11",)))
    bright = np.argwhere(tile.band("B11") > 200).mean(axis=0)
    assert np.abs(bright - 29.5).max() < 1.5


def test_files_without_position_must_agree_in_size(tmp_path):
    write_cog(tmp_path / "a.tif", noise((1, 8, 8)), local_grid(8, 8, 1), ("B04",))
    write_cog(tmp_path / "b.tif", noise((1, 4, 4)), local_grid(4, 4, 1), ("B11",))
    with pytest.raises(UnreadableError, match="differ in size") as caught:
        read(Asset(tmp_path / "a.tif", ("B04",)), Asset(tmp_path / "b.tif", ("B11",)), gsd_m=1)
    assert caught.value.reason == "mixed-grids"


def test_decimated_reads_average_data_only(tmp_path):
    pixels = np.full((1, 64, 64), 1000, np.uint16)
    pixels[:, :, 1::2] = 2000
    pixels[:, :, 40:] = 0
    raw(tmp_path / "a.tif", pixels, nodata=0)
    tile = read(Asset(tmp_path / "a.tif", ("B04",)), shape=(8, 8))
    assert tile.grid.shape == (8, 8)
    assert ground_gsd(tile.grid) == pytest.approx(8 * ground_gsd(grid(64, 64)), rel=1e-3)
    assert np.allclose(tile.pixels[0, :, :5], 1500, atol=1)
    assert not tile.valid[:, 5:].any()


def landmark(rows, cols, row, col):
    pixels = np.full((1, rows, cols), 20, np.uint8)
    pixels[0, row - 1 : row + 2, col - 1 : col + 2] = 250
    return pixels


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        ("EPSG:4326", Affine(1e-5, 0, 130.6, 0, -1e-5, 42.4)),
        (UTM, Affine(1.0, 0, 560_000, 0, -2.0, 4_690_000)),
        (UTM, Affine(1.0, 0, 560_000, 0, 1.0, 4_690_000)),
        (UTM, Affine(0, 1.5, 560_000, 1.5, 0.3, 4_690_000)),
    ],
    ids=["degrees", "oblong", "south up", "skewed"],
)
def test_unequal_pixels_are_read_square_and_nothing_moves(tmp_path, crs, transform):
    raw(tmp_path / "a.tif", landmark(120, 150, 80, 40), crs=crs, transform=transform)
    asset = Asset(tmp_path / "a.tif", ("grey",))
    with open_scene(scene(asset)) as raster:
        assert is_square(raster.grid)
        assert raster.grid.affine.determinant < 0
        assert str(raster.grid.crs) == UTM
        assert raster.native_grid.affine == transform
        assert ground_gsd(raster.grid) == pytest.approx(ground_gsd(raster.native_grid), rel=0.01)
        tile = raster.read()
        rows, cols = np.nonzero((tile.pixels[0] > 150) & tile.valid)
        seen = pixel_to_lonlat(raster.grid, np.array([[cols.mean() + 0.5, rows.mean() + 0.5]]))
        half = raster.read(shape=tuple(n // 2 for n in raster.grid.shape))
    truth = pixel_to_lonlat(raster.native_grid, np.array([[40.5, 80.5]]))
    assert np.abs(map_to_pixel(raster.native_grid, _native(raster, seen)) - (40.5, 80.5)).max() < 0.6
    assert np.abs(seen - truth).max() < 1e-5
    assert 0.3 < half.valid.mean() <= 1
    with open_scene(scene(asset), square=False) as plain:
        assert np.array_equal(plain.read().pixels, landmark(120, 150, 80, 40))


def _native(raster, lonlat):
    return pixel_to_map(raster.native_grid, lonlat_to_pixel(raster.native_grid, lonlat))


def test_web_mercator_and_rotated_images_are_read_as_they_are(tmp_path):
    pixels = noise((1, 50, 50))
    turned = Affine.translation(560_000, 4_690_000) @ Affine.rotation(33) @ Affine.scale(0.5, -0.5)
    mercator = Affine(10, 0, 14_500_000, 0, -10, 5_200_000)
    for crs, transform, gsd in ((UTM, turned, 0.5), ("EPSG:3857", mercator, 7.4)):
        raw(tmp_path / "a.tif", pixels, crs=crs, transform=transform)
        with open_scene(scene(Asset(tmp_path / "a.tif", ("B04",)))) as raster:
            assert raster.grid is raster.native_grid
            assert ground_gsd(raster.grid) == pytest.approx(gsd, rel=0.02)
            assert np.array_equal(raster.read().pixels, pixels)


def test_without_position_a_stated_gsd_is_needed(tmp_path):
    raw(tmp_path / "a.jpg", noise((3, 10, 12), np.uint8), driver="JPEG", crs=None)
    with pytest.raises(UnreadableError, match="--gsd METRES") as caught:
        read(Asset(tmp_path / "a.jpg", RGB))
    assert caught.value.reason == "no-gsd"
    assert read(Asset(tmp_path / "a.jpg", RGB), gsd_m=0.25).gsd_m == pytest.approx(0.25)


@pytest.mark.parametrize("shape", [(1, 1), (3, 100_000), (100_000, 3), (1, 2)])
def test_odd_shapes_are_read(tmp_path, shape):
    pixels = noise((3, *shape), np.uint8)
    for name, options in (("a.tif", {"photometric": "rgb"}), ("a.png", {"driver": "PNG", "crs": None})):
        raw(tmp_path / name, pixels, **options)
        with open_scene(scene(Asset(tmp_path / name, RGB), gsd_m=0.5)) as raster:
            assert raster.grid.shape == shape
            assert np.array_equal(raster.read().pixels, pixels)
            assert raster.read(shape=(1, 1)).valid.all()


@pytest.mark.parametrize("driver", ["GTiff", "PNG", "JPEG"])
@pytest.mark.parametrize("kept", [0.03, 0.5, 0.97])
def test_a_file_that_breaks_off_is_an_error_with_its_name_and_never_pixels(tmp_path, driver, kept):
    path = tmp_path / {"GTiff": "cut.tif", "PNG": "cut.png", "JPEG": "cut.jpg"}[driver]
    options = {"compress": "deflate"} if driver == "GTiff" else {}
    raw(path, noise((3, 300, 400), np.uint8, 0, 255), driver=driver, crs=None, **options)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(UnreadableError, match=path.name):
        read(Asset(path, RGB), gsd_m=1)


def test_a_jpeg_that_ends_too_early_is_an_error_and_no_grey_area(tmp_path):
    path = raw(tmp_path / "a.jpg", noise((3, 256, 256), np.uint8), driver="JPEG", crs=None)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2] = b"\xff\xd9"  # end of image
    path.write_bytes(data)
    with pytest.raises(UnreadableError, match=r"a\.jpg"):
        read(Asset(path, RGB), gsd_m=1)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.tif", b"", "empty-file"),
        ("text.tif", b"this is no image", "not-an-image"),
        ("a.vrt", b'<VRTDataset rasterXSize="9" rasterYSize="9"></VRTDataset>', "vrt-refused"),
        ("vrt.tif", b'\n <VRTDataset rasterXSize="9" rasterYSize="9"></VRTDataset>', "vrt-refused"),
        ("stub.tif", b"II*\0\x08\0\0\0", "unreadable"),
        ("stub.png", b"\x89PNG\r\n\x1a\n", "unreadable"),
    ],
)
def test_what_is_no_image_is_told_from_what_is_damaged(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableError, match=name) as caught:
        read_header(tmp_path / name)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "path",
    ["/vsizip/a.zip/a.tif", "/vsicurl/http://localhost/a.tif", "http://localhost/a.tif", "GTIFF_DIR:1:a.tif"],
)
def test_only_files_on_this_disk_are_opened(path):
    with pytest.raises(UnreadableError):
        read_header(Path(path))


def test_a_png_that_claims_an_ocean_is_refused_before_memory_is_taken(tmp_path):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(bomb)
    with pytest.raises(UnreadableError, match="60000 x 60000 pixels") as caught:
        read_header(tmp_path / "bomb.png")
    assert caught.value.reason == "too-large"


def test_a_tiff_of_one_monstrous_tile_is_refused(tmp_path):
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", count=1, height=32_768, width=32_768, dtype="uint8", crs=UTM,
        transform=grid(1, 1).affine, tiled=True, blockxsize=32_768, blockysize=32_768, compress="deflate",
        sparse_ok=True,
    ):  # fmt: skip
        pass
    with pytest.raises(UnreadableError, match="one block takes 1024 MiB") as caught:
        read_header(tmp_path / "a.tif")
    assert caught.value.reason == "too-large"


def test_complex_and_mixed_pixels_are_refused(tmp_path):
    raw(tmp_path / "a.tif", np.ones((1, 4, 4), np.complex64))
    with pytest.raises(UnreadableError, match="complex64") as caught:
        read_header(tmp_path / "a.tif")
    assert caught.value.reason == "unsupported-dtype"


def test_a_position_that_cannot_be_is_no_position(tmp_path):
    for crs, transform in (
        (UTM, Affine(10, 0, 0, 0, 0, 0)),
        (UTM, Affine(1e12, 0, 1e13, 0, -1e12, 0)),
        (None, None),
    ):
        raw(tmp_path / "a.tif", noise((1, 9, 9)), crs=crs, transform=transform)
        with pytest.raises(UnreadableError) as caught:
            read(Asset(tmp_path / "a.tif", ("B04",)))
        assert caught.value.reason == "no-gsd"


def test_side_files_are_not_looked_at(tmp_path):
    """A .aux.xml or .ovr could turn the picture into another one, or point elsewhere."""
    pixels = noise((1, 64, 64))
    raw(tmp_path / "a.tif", pixels)
    (tmp_path / "a.tif.aux.xml").write_text(
        "<PAMDataset><PAMRasterBand band='1'><NoDataValue>150</NoDataValue></PAMRasterBand></PAMDataset>"
    )
    raw(tmp_path / "other.tif", np.full((1, 32, 32), 9, np.uint16), transform=grid(32, 32, 20).affine)
    (tmp_path / "other.tif").rename(tmp_path / "a.tif.ovr")
    raw(tmp_path / "hidden.tif", np.zeros((1, 64, 64), np.uint8))
    (tmp_path / "hidden.tif").rename(tmp_path / "a.tif.msk")
    tile = read(Asset(tmp_path / "a.tif", ("B04",)), shape=(16, 16))
    assert read_header(tmp_path / "a.tif").nodata is None
    assert tile.pixels.mean() == pytest.approx(pixels.mean(), rel=0.01)
    assert tile.valid.all()


def test_wrong_requests_are_refused_with_what_would_be_right(tmp_path):
    raw(tmp_path / "a.tif", noise((1, 30, 30)))
    with open_scene(scene(Asset(tmp_path / "a.tif", ("B04",)))) as raster:
        with pytest.raises(InputError, match="it has B04"):
            raster.read(bands=["B08"])
        with pytest.raises(InputError, match="holds no pixel"):
            raster.read((slice(40, 50), slice(0, 10)))
        with pytest.raises(InputError, match="read windows"):
            raster.read(shape=(40_000, 40_000))
        assert raster.read((slice(20, 99), slice(None, None))).pixels.shape == (1, 10, 30)
    with pytest.raises(InputError, match="1 bands"):
        open_scene(scene(Asset(tmp_path / "a.tif", RGB)))
    with pytest.raises(UnreadableError, match="cannot be opened"):
        open_scene(scene(Asset(tmp_path / "gone.tif", ("B04",))))


def test_threads_open_at_once_without_warnings_and_leave_the_filters_alone(tmp_path):
    for i in range(8):
        raw(tmp_path / f"{i}.png", np.full((3, 40, 40), i, np.uint8), driver="PNG", crs=None)
    before = list(warnings.filters)
    barrier = threading.Barrier(4)

    def job(i):
        if i < 4:
            barrier.wait(10)
        return int(read(Asset(tmp_path / f"{i % 8}.png", RGB), gsd_m=1).pixels.max())

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(job, range(32))) == [i % 8 for i in range(32)]
    assert warnings.filters == before


BIG = """
import sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
from imagery.reader import open_scene
from imagery.sources.folders.folder import find_scenes
from imagery.visibility import believable
from imagery.tiles import windows

scene, = find_scenes([Path(sys.argv[1])]).scenes
found = 0
with open_scene(scene) as raster:
    assert raster.grid.shape == (40_000, 40_000), raster.grid.shape
    for window in windows((40_000, 40_000), 2048, 256):
        if window[0].start < 4_000 or window[0].start > 36_000:
            found += int((raster.read(window, ["red", "blue"]).pixels[0] == 200).sum())
    small = raster.read((slice(0, 8192), slice(0, 8192)), shape=(512, 512))
# Not ru_maxrss: that remembers the process which this one was forked from.
(peak,) = (line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(found, int(small.pixels.max()), int(peak) // 1024)
"""


def test_forty_thousand_square_stays_below_a_gibibyte(tmp_path):
    path = tmp_path / "big.tif"
    with rasterio.open(
        path, "w", driver="GTiff", count=3, height=40_000, width=40_000, dtype="uint8", crs=UTM,
        transform=grid(1, 1, 0.5).affine, tiled=True, compress="deflate", sparse_ok=True, photometric="rgb",
    ) as file:  # fmt: skip
        file.write(np.full((3, 256, 256), 200, np.uint8), window=rasterio.windows.Window(512, 512, 256, 256))
    done = subprocess.run(
        [sys.executable, "-c", BIG, str(path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
    )
    assert done.returncode == 0, done.stderr
    found, brightest, peak_mib = map(int, done.stdout.split())
    assert found == 256 * 256
    assert brightest == 200
    assert peak_mib < 1024


def test_cogs_are_written_the_same_twice_and_read_back(tmp_path):
    pixels = noise((4, 300, 280), np.uint8)
    tags = {"YARDWATCH_SIMULATED": "SIMULATED", "TIFFTAG_DATETIME": "2023:10:05 02:15:00"}
    for name in ("a.tif", "b.tif"):
        write_cog(tmp_path / name, pixels, grid(300, 280), (*RGB, "nir"), tags=tags, nodata=0)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "b.tif"]
    header = read_header(tmp_path / "a.tif")
    assert header.descriptions == (*RGB, "nir")
    assert header.grid == grid(300, 280)
    assert tags.items() <= header.tags.items()
    with rasterio.open(tmp_path / "a.tif") as file:
        assert file.colorinterp[:3] == (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
        assert file.overviews(1)
        assert file.compression.value == "ZSTD"
        assert np.array_equal(file.read(), pixels)


def test_jpeg_cogs_are_for_pictures_only(tmp_path):
    pixels = np.broadcast_to(np.linspace(20, 220, 300).astype(np.uint8), (3, 200, 300))
    write_cog(tmp_path / "a.tif", pixels, grid(200, 300), RGB, compress="jpeg")
    assert np.abs(read(Asset(tmp_path / "a.tif", RGB)).pixels.astype(int) - pixels).max() < 6
    for wrong, bands in ((noise((3, 9, 9)), RGB), (noise((2, 9, 9), np.uint8), ("a", "b"))):
        with pytest.raises(InputError, match="JPEG holds"):
            write_cog(tmp_path / "b.tif", wrong, grid(9, 9), bands, compress="jpeg")
    with pytest.raises(InputError, match="do not fit"):
        write_cog(tmp_path / "b.tif", noise((1, 9, 8)), grid(9, 9), ("B04",))
    assert not (tmp_path / "b.tif").exists()


def test_jpeg_2000_is_read_with_its_position(tmp_path):
    pixels = noise((1, 40, 50))
    raw(
        tmp_path / "a.jp2",
        pixels,
        driver="JP2OpenJPEG",
        quality=100,
        reversible="YES",
    )
    with open_scene(scene(Asset(tmp_path / "a.jp2", ("B04",)))) as raster:
        assert raster.grid == grid(40, 50)
        assert np.array_equal(raster.read((slice(5, 9), slice(7, 30))).pixels, pixels[:, 5:9, 7:30])


def test_an_image_of_half_the_earth_is_an_error_and_its_files_are_given_back(tmp_path):
    raw(tmp_path / "a.tif", noise((1, 45, 180)), crs="EPSG:4326", transform=Affine(2, 0, -180, 0, -2, 90))
    with pytest.raises(UnreadableError, match="too wide") as caught:
        read(Asset(tmp_path / "a.tif", ("B04",)))
    assert caught.value.reason == "bad-position"
    assert read(Asset(tmp_path / "a.tif", ("B04",)), square=False).valid.all()


def test_a_failing_second_file_closes_the_first(tmp_path, monkeypatch):
    raw(tmp_path / "a.tif", noise((1, 9, 9)))
    closed = []
    monkeypatch.setattr("imagery.reader.FileLayer.close", lambda layer: closed.append(layer.asset.path.name))
    with pytest.raises(UnreadableError):
        open_scene(scene(Asset(tmp_path / "a.tif", ("B04",)), Asset(tmp_path / "gone.tif", ("B08",))))
    assert closed == ["a.tif"]
