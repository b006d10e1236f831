"""Tiles and the windows that cover an image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagery.errors import InputError
from imagery.grid import local_grid
from imagery.scenes import Asset, Scene
from imagery.tiles import Tile, windows


@given(st.integers(1, 300), st.integers(1, 300), st.integers(2, 90), st.data())
def test_windows_cover_and_hold_every_small_object_whole(rows, cols, size, data):
    overlap = data.draw(st.integers(0, size - 1))
    found = list(windows((rows, cols), size, overlap))
    assert all(r.stop - r.start == min(size, rows) and c.stop - c.start == min(size, cols) for r, c in found)
    assert all(0 <= r.start and r.stop <= rows and 0 <= c.start and c.stop <= cols for r, c in found)
    seen = np.zeros((rows, cols), dtype=bool)
    for window in found:
        seen[window] = True
    assert seen.all()
    side = min(overlap, rows, cols)
    if side:
        top = data.draw(st.integers(0, rows - side))
        left = data.draw(st.integers(0, cols - side))
        assert any(
            r.start <= top and top + side <= r.stop and c.start <= left and left + side <= c.stop
            for r, c in found
        )


@pytest.mark.parametrize(("size", "overlap"), [(10, 10), (10, -1), (10, 12)])
def test_an_overlap_that_cannot_be_is_refused(size, overlap):
    with pytest.raises(InputError, match="overlap"):
        list(windows((50, 50), size, overlap))


def scene(tmp_path, bands=("red", "green")):
    return Scene("s", (Asset(tmp_path / "a.tif", bands),))


def test_a_tile_fits_its_grid_and_cannot_be_written(tmp_path):
    grid = local_grid(4, 5, 0.5)
    tile = Tile(np.zeros((2, 4, 5)), np.ones((4, 5), dtype=bool), grid, ("red", "green"), scene(tmp_path))
    assert tile.gsd_m == pytest.approx(0.5)
    assert tile.has(["green"])
    assert not tile.has(["green", "nir"])
    with pytest.raises(ValueError, match="read-only"):
        tile.pixels[0, 0, 0] = 1
    with pytest.raises(InputError, match="it has red, green"):
        tile.band("nir")
    with pytest.raises(InputError, match="do not fit"):
        Tile(np.zeros((2, 5, 4)), np.ones((4, 5), dtype=bool), grid, ("red", "green"), scene(tmp_path))
