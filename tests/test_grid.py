"""Grids: pixels, map coordinates, and true lengths on the ground."""

import math

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from imagery.grid import (
    cropped,
    ground_gsd,
    ground_steps,
    is_square,
    local_grid,
    lonlat_to_pixel,
    map_to_pixel,
    pixel_to_lonlat,
    pixel_to_map,
    square_utm,
    zoomed,
)


def rotated(step, degrees, x, y):
    turn = math.radians(degrees)
    return Affine(
        step * math.cos(turn), step * math.sin(turn), x, step * math.sin(turn), -step * math.cos(turn), y
    )


@given(
    st.floats(0.1, 30),
    st.floats(-180, 180),
    st.lists(st.tuples(st.floats(-50, 900), st.floats(-50, 900)), min_size=1, max_size=5),
)
def test_pixels_come_back_from_the_map_and_from_degrees(step, degrees, points):
    grid = GeoBox((700, 800), rotated(step, degrees, 560_000.0, 4_690_000.0), "EPSG:32652")
    xy = np.array(points)
    assert np.allclose(map_to_pixel(grid, pixel_to_map(grid, xy)), xy, atol=1e-6)
    assert np.allclose(lonlat_to_pixel(grid, pixel_to_lonlat(grid, xy)), xy, atol=1e-3)
    assert is_square(grid)
    # UTM stretches the ground by at most 0.04 % near its central meridian.
    assert ground_gsd(grid) == pytest.approx(step, rel=6e-4)


@given(st.floats(-70, 70))
def test_web_mercator_is_told_in_true_metres(latitude):
    x, y = Transformer.from_crs(4326, 3857, always_xy=True).transform(130.6, latitude)
    grid = GeoBox((100, 100), Affine(10, 0, x - 500, 0, -10, y + 500), "EPSG:3857")
    # 1 % covers the ellipsoid: Web Mercator pretends that the earth is a sphere.
    assert ground_gsd(grid) == pytest.approx(10 * math.cos(math.radians(latitude)), rel=0.01)
    assert is_square(grid)


def test_degrees_are_narrow_and_not_square_away_from_the_equator():
    grid = GeoBox((100, 200), Affine(1e-5, 0, 130.6, 0, -1e-5, 42.4), "EPSG:4326")
    across, down = ground_steps(grid)
    assert across / down == pytest.approx(math.cos(math.radians(42.4)), rel=0.01)
    assert down == pytest.approx(1.11, rel=0.01)
    assert not is_square(grid)
    equator = GeoBox((100, 200), Affine(1e-5, 0, 130.6, 0, -1e-5, 0.0005), "EPSG:4326")
    assert is_square(equator)


def test_skew_and_oblong_pixels_are_not_square():
    assert not is_square(GeoBox((9, 9), Affine(10, 5, 5e5, 0, -10, 47e5), "EPSG:32652"))
    assert not is_square(GeoBox((9, 9), Affine(10, 0, 5e5, 0, -20, 47e5), "EPSG:32652"))


@given(st.floats(0.05, 30))
def test_a_local_grid_is_metres_from_its_corner(gsd):
    grid = local_grid(30, 40, gsd)
    assert grid.crs is None
    assert grid.shape == (30, 40)
    assert ground_steps(grid) == pytest.approx((gsd, gsd))
    assert is_square(grid)
    assert pixel_to_map(grid, np.array([[40.0, 30.0]])) == pytest.approx(np.array([[40 * gsd, 30 * gsd]]))


@given(st.integers(0, 60), st.integers(0, 70), st.integers(1, 40), st.integers(1, 40), st.floats(-180, 180))
def test_a_crop_and_a_zoom_lie_on_the_same_ground(top, left, rows, cols, degrees):
    grid = GeoBox((100, 110), rotated(0.5, degrees, 560_000.0, 4_690_000.0), "EPSG:32652")
    part = cropped(grid, slice(top, top + rows), slice(left, left + cols))
    assert part.shape == (rows, cols)
    corners = np.array([[0.0, 0.0], [cols, rows]])
    assert np.allclose(pixel_to_map(part, corners), pixel_to_map(grid, corners + np.array([left, top])))
    small = zoomed(part, (3, 7))
    assert small.shape == (3, 7)
    assert np.allclose(pixel_to_map(small, np.array([[0.0, 0.0], [7.0, 3.0]])), pixel_to_map(part, corners))


@given(st.floats(-175, 175), st.floats(-70, 70), st.floats(0.3, 20))
def test_the_square_grid_covers_the_image_at_its_gsd(lon, lat, gsd):
    step = gsd / 111_000
    grid = GeoBox((60, 90), Affine(step, 0, lon, 0, -step, lat), "EPSG:4326")
    square = square_utm(grid)
    assert is_square(square)
    assert ground_gsd(square) == pytest.approx(ground_gsd(grid), rel=2e-3)
    xy = lonlat_to_pixel(
        square, pixel_to_lonlat(grid, np.array([[0.0, 0.0], [90, 0], [90, 60], [0, 60], [45, 30]]))
    )
    assert xy.min() >= -1e-3
    assert (xy <= np.array(square.shape[::-1]) + 1e-3).all()
    # No wider than the turned image needs: meridians lean in UTM, by some degrees at high latitudes.
    assert square.shape[0] * square.shape[1] < 1.6 * 60 * 90 + 500
