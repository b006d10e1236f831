"""Pictures on the page: stamped, small enough, with what was found laid over them where it lies."""

import base64
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plotly.offline import get_plotlyjs

from evidence.report.frames import CROPS_BYTES, PICTURES_BYTES, frames
from evidence.report.images import LONGEST_SIDE, crop_sheet, encode, scale_bar, sheet_place
from evidence.report.page import write_page
from imagery.errors import InputError

AMBER = np.array([255, 196, 0])
LIBRARY = ""


@pytest.fixture(scope="module")
def world(load):
    """Builders of pages. A line stands in for plotly.js, whose 5 MB would be read again in every test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evidence.report.page.get_plotlyjs", lambda: LIBRARY)
        yield load("report_world")


def decoded(uri):
    data = np.frombuffer(base64.b64decode(uri.removeprefix("data:image/webp;base64,")), dtype=np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1].astype(int)


def is_stamped(image):
    return float((np.abs(image[:24, :100] - AMBER).max(axis=2) < 40).mean()) > 0.3


@pytest.mark.parametrize("shape", [(60, 90), (1, 1), (3, 5000), (5000, 3), (500, 700), (900, 1800)])
def test_every_simulated_picture_is_stamped_and_its_boxes_still_fit(world, shape):
    plain, stamped = (
        encode(world.picture(rows=shape[0], cols=shape[1], simulated=s), 3_000_000) for s in (False, True)
    )
    image = decoded(stamped.uri)
    assert image.shape[:2] == (stamped.height, stamped.width)
    assert max(image.shape) <= LONGEST_SIDE
    assert is_stamped(image)
    assert not is_stamped(decoded(plain.uri))
    assert plain.view == pytest.approx(shape[::-1])
    # What was added for the stamp lies right and below, so box coordinates keep their meaning.
    ratio = plain.width / plain.view[0], plain.height / plain.view[1]
    assert stamped.view == pytest.approx((stamped.width / ratio[0], stamped.height / ratio[1]))


def test_the_stamp_is_all_over_a_picture(world):
    grey = np.full((700, 1100, 3), 120, dtype=np.uint8)
    one = replace(world.picture(simulated=True, boxes=0), image=grey)
    marked = np.abs(decoded(encode(one, 400_000).uri) - 120).max(axis=2) > 12
    for rows in np.array_split(marked, 3):
        for part in np.array_split(rows, 3, axis=1):
            assert part.mean() > 0.002


def test_boxes_and_labels_are_laid_over_their_picture(world):
    reader = world.read(world.page(pictures=[world.picture(boxes=3)]))
    overlay = [attrs for attrs in reader.all("svg") if attrs.get("class") == "overlay"]
    assert [attrs["viewbox"] for attrs in overlay] == ["0 0 90 60"]
    stack, *boxes = [attrs["points"] for attrs in reader.all("polygon")]
    assert boxes == ["4.0,4.0 20.0,4.0 20.0,9.0 4.0,9.0"] * 3
    assert stack == "30.0,30.0 50.0,30.0 50.0,40.0"
    assert [attrs["points"] for attrs in reader.all("polyline")] == ["4.0,6.0 20.0,6.0"] * 3
    assert [attrs["class"] for attrs in reader.all("g")] == ["goods", "occupied", "boxes"]
    assert "stack, 40 m2" in reader.text
    # Over the box, over its crop, and in the list below.
    assert reader.text.count("railcar, 0.9") == 3 * 3
    assert reader.text.count("3: railcar, 0.9") == 2
    assert "3 boxes" in reader.all("img")[0]["alt"]


@given(st.floats(1e-3, 1e3), st.integers(1, 4000))
def test_scale_bar_is_round_and_fits(world, pixel_m, cols):
    image = np.zeros((2, cols, 3), dtype=np.uint8)
    bar = scale_bar(replace(world.picture(boxes=0), image=image, pixel_m=pixel_m))
    metres = bar.length_px * pixel_m
    assert 0.09 * cols <= bar.length_px <= 0.2501 * cols
    assert f"{metres:.0e}"[0] in "125"
    assert scale_bar(world.picture()) is None


def test_budget_of_a_picture_is_kept_even_for_noise(world):
    noise = np.random.default_rng(2).integers(0, 255, (500, 500, 3), dtype=np.uint8)
    one = encode(replace(world.picture(simulated=True), image=noise), 60_000)
    assert len(one.uri) * 3 / 4 < 60_100
    assert is_stamped(decoded(one.uri))


def test_pictures_share_what_the_page_may_weigh(world, tmp_path, monkeypatch):
    noise = np.random.default_rng(2).integers(0, 255, (100, 480, 3), dtype=np.uint8)
    pictures = [replace(world.picture(f"s{i}", boxes=90, crops=()), image=noise) for i in range(20)]
    full = write_page(world.page(pictures=pictures), tmp_path / "full").stat().st_size
    monkeypatch.setattr("evidence.report.frames.PICTURES_BYTES", 200_000)
    small = write_page(world.page(pictures=pictures), tmp_path / "small").stat().st_size
    rest = write_page(world.page(), tmp_path / "rest").stat().st_size
    assert small < 200_000 * 4 / 3 + rest + 20 * 20_000  # the boxes are text beside the pictures
    assert small < full < 15_000_000
    library = len(get_plotlyjs())
    # What is left holds the tables.
    assert (PICTURES_BYTES + CROPS_BYTES) * 4 / 3 + library < 14_000_000


@pytest.mark.parametrize("simulated", [False, True])
def test_every_crop_stands_in_its_place_and_says_simulated_by_itself(simulated):
    greys = [np.full((72, 144, 3), 20 + 10 * i, dtype=np.uint8) for i in range(8)]
    sheet = crop_sheet(greys, simulated, 400_000)
    image = decoded(sheet.uri)
    assert image.shape[:2] == (sheet.height, sheet.width)
    for i in range(8):
        y, x = sheet_place(i, 72, 144)
        cell = image[y : y + 72, x : x + 144]
        assert np.abs(cell[4:30, 4:-4] - (20 + 10 * i)).mean() < 4
        amber = np.abs(cell[50:] - AMBER).max(axis=2) < 60
        assert bool(amber.mean() > 0.1) is simulated


def test_crops_share_what_they_may_weigh(world):
    noise = np.random.default_rng(5).integers(0, 255, (100, 72, 144, 3), dtype=np.uint8)
    many = world.picture(boxes=100, crops=tuple(noise))
    assert len(frames([many])[0].crops.sheet.uri) * 3 / 4 < CROPS_BYTES
    assert [cell.number for cell in frames([many])[0].crops.cells] == [*range(1, 101)]


def test_a_site_can_be_swiped_where_two_pictures_show_the_same_ground(world):
    def swiped(*pictures):
        reader = world.read(world.page(pictures=pictures))
        return [attrs["value"] for attrs in reader.all("option") if "selected" in attrs]

    old, new = world.picture("s1"), world.picture("s2", boxes=3)
    older = replace(old, scene_id="s0", taken_at=world.START.replace(year=2020))
    assert swiped(old) == []
    assert swiped(replace(old, framed=False), replace(new, framed=False)) == []
    assert swiped(new, older) == ["picture-yard-s0", "picture-yard-s2"]


@pytest.mark.parametrize(
    "broken",
    [
        dict(image=np.zeros((4, 4), dtype=np.uint8)), dict(image=np.zeros((4, 4, 3))),
        dict(image=np.zeros((0, 4, 3), dtype=np.uint8)), dict(boxes=np.zeros((1, 5))),
        dict(boxes=np.full((1, 4, 2), np.nan)), dict(labels=("a", "b")),
    ],
)  # fmt: skip
def test_pictures_are_checked(world, broken):
    with pytest.raises(InputError, match="picture of 's1'"):
        replace(world.picture(), **broken)
