"""Targets, reading, tracing and the shipped weights."""

import numpy as np
import pytest
import torch

from imagery.errors import UnreadableError
from models.axes.fitted import Field, find_axes
from models.axes.mapped import recentre, smooth_shift
from models.axes.strips import ALONG_M, frame_along, straighten
from models.wagons import read
from models.wagons.augment import flip_strips, vary_tone
from models.wagons.data import TARGETS, Chip, crop_target, held_out, site_of, strip_target
from models.wagons.infer import WEIGHTS, StripReader
from models.wagons.nets import KINDS, ProposeNet, StripNet, folded, load, save, to_input
from models.wagons.picture import Picture, rgb_bands
from models.wagons.pool import CROP, painted_chip, read_pool, sample_crops, write_pool
from models.wagons.propose import propose
from models.wagons.read import read_strip
from models.wagons.score import match, total

ROW = {name: i for i, name in enumerate(TARGETS)}


def chip_of(boxes, gsd=0.5, shape=(200, 400)):
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 5)
    kinds = np.zeros(len(boxes), np.int8)
    return Chip(np.full((*shape, 3), 120, np.uint8), np.ones(shape, bool), gsd, boxes, kinds, kinds)


def test_a_column_says_what_stands_on_its_own_track_only():
    # Own wagon 16 m long at y 100, a neighbour 4.5 m away, and one 2.2 m away that either track may claim.
    chip = chip_of([[100, 100, 32, 6, 0], [200, 109, 32, 6, 0], [300, 104.4, 32, 6, 0]])
    frame = frame_along(np.array([[20.0, 100.0], [380.0, 100.0]]), 0.5)
    target = strip_target(straighten(chip.rgb, chip.valid, frame), chip)
    x = frame.centres[:, 0]
    assert target[ROW["occupied"]][(x > 85) & (x < 115)].all()
    assert not target[ROW["occupied"]][(x < 83) | (x > 117)].any()
    assert target[ROW["counted"]][(x > 184) & (x < 216)].all()
    assert not target[ROW["counted"]][(x > 285) & (x < 315)].any()
    assert x[target[ROW["start"]].argmax()] == pytest.approx(84.5, abs=0.8)
    assert x[target[ROW["stop"]].argmax()] == pytest.approx(115.5, abs=0.8)


def test_the_target_of_a_crop_peaks_on_the_middle_line_and_points_along_it():
    target = crop_target(chip_of([[100, 100, 32, 6, 30]]))
    cell = target[50, 50]
    assert cell[0] > 0.7
    assert np.rad2deg(np.arctan2(cell[2], cell[1])) / 2 == pytest.approx(30, abs=0.1)
    assert target[..., 0][:40].max() == 0


def test_flipping_a_strip_end_to_end_swaps_its_ends_and_side():
    pixels = torch.arange(2 * 4 * 24 * 8).remainder(251).to(torch.uint8).reshape(2, 4, 24, 8)
    target = torch.zeros(2, len(TARGETS), 8)
    target[:, ROW["start"], 1] = 1
    target[:, ROW["across_m"]] = 0.5
    seen = set()
    for seed in range(20):
        _, out = flip_strips(pixels, target, torch.Generator().manual_seed(seed))
        back = bool(out[0, ROW["stop"], 6] == 1)
        assert back != bool(out[0, ROW["start"], 1] == 1)
        seen.add((back, bool(out[0, ROW["across_m"], 0] < 0)))
    assert len(seen) == 4
    toned = vary_tone(pixels, torch.Generator().manual_seed(0))
    assert torch.equal(toned[:, 3], pixels[:, 3])
    assert not torch.equal(toned[:, :3], pixels[:, :3])


def test_a_pool_comes_back_as_it_was_written(tmp_path):
    chip = chip_of([[100, 100, 32, 6, 10], [140, 107, 32, 6, 10]])
    pool = write_pool(tmp_path / "pool", iter([(chip, 3, 2)]), np.random.default_rng(5))
    again = read_pool(tmp_path / "pool")
    assert pool.strips.shape[0] == 3
    assert pool.crops.shape == (2, 4, CROP, CROP)
    assert np.array_equal(again.strip_targets, pool.strip_targets)
    same = list(sample_crops(np.random.default_rng(5), chip, 1))
    assert np.array_equal(same[0][0], next(sample_crops(np.random.default_rng(5), chip, 1))[0])


def test_sites_of_all_years_stay_on_one_side():
    assert site_of("naip_chico_2018_0") == site_of("naip_chico_2022_0") != site_of("naip_chico_2018_1")
    shares = [held_out(f"site_{i}") for i in range(2000)]
    assert np.mean(shares) == pytest.approx(0.25, abs=0.04)


def test_weights_come_back_and_damage_is_told(tmp_path):
    torch.manual_seed(0)
    net = StripNet().eval()
    save(net, tmp_path / "net.safetensors", {"seed": 3})
    again, about = load(tmp_path / "net.safetensors", StripNet)
    x = to_input(torch.randint(0, 255, (2, 4, 24, 64), dtype=torch.uint8))
    assert torch.allclose(net(x), again(x), atol=1e-5)
    assert about == {"seed": 3}
    (tmp_path / "broken.safetensors").write_bytes(b"not weights")
    with pytest.raises(UnreadableError, match="yardwatch train"):
        load(tmp_path / "broken.safetensors", StripNet)


def test_folded_nets_give_the_same():
    generator = torch.Generator().manual_seed(4)
    for kind, shape in ((StripNet, (2, 4, 24, 64)), (ProposeNet, (1, 4, 64, 48))):
        net = kind().eval()
        for part in net.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.running_mean.normal_(0, 0.2, generator=generator)
                part.running_var.uniform_(0.5, 2, generator=generator)
        light = folded(net)
        assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in light.modules())
        assert any(isinstance(part, torch.nn.BatchNorm2d) for part in net.modules())
        x = to_input(torch.randint(0, 255, shape, dtype=torch.uint8, generator=generator))
        with torch.inference_mode():
            assert torch.allclose(light(x), net(x), atol=1e-5, rtol=1e-5)


def test_reading_from_the_other_end_gives_the_same_mirrored():
    torch.manual_seed(1)
    net = StripNet().eval()
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 255, (60, 340, 3)).astype(np.uint8)
    frame = frame_along(np.array([[10.0, 30.0], [10.0 + 255 * ALONG_M, 30.0]]), 1.0)
    strip = straighten(rgb, np.ones(rgb.shape[:2], bool), frame)
    there = read_strip(net, strip)
    flipped = type(strip)(strip.pixels[:, ::-1, ::-1].copy(), strip.valid, frame)
    back = read_strip(net, flipped)
    assert np.allclose(there.evidence.occupied, back.evidence.occupied[::-1], atol=1e-4)
    assert np.allclose(there.evidence.start, back.evidence.stop[::-1], atol=1e-4)
    assert np.allclose(there.across_m, -back.across_m[::-1], atol=1e-4)


def test_a_known_shift_is_recovered_from_scattered_sightings():
    frame = frame_along(np.array([[0.0, 0.0], [400.0, 0.0]]), 0.5)
    x = np.linspace(-1, 1, len(frame))
    true = 0.8 + 0.5 * x
    rng = np.random.default_rng(2)
    weight = (rng.random(len(x)) < 0.4).astype(float)
    noisy = np.where(weight > 0, true + rng.normal(0, 0.2, len(x)), 9.0)
    assert np.abs(smooth_shift(noisy, weight) - true).max() < 0.2
    axis = recentre(frame, noisy, weight)
    assert axis.source == "recentred"
    assert axis.confidence > 0.9
    assert np.array_equal(smooth_shift(noisy, np.zeros(len(x))), np.zeros(len(x)))


def test_rows_are_traced_and_parallel_ones_kept_apart():
    chip = chip_of(
        [[60 + 34 * k, 100 + 9 * r, 30, 6, 0] for r in range(3) for k in range(8) if (r, k) != (1, 3)]
    )
    layers = crop_target(chip)
    field = Field(*(np.ascontiguousarray(layers[..., i]) for i in range(3)), 2.0, 0.5)
    axes = find_axes(field)
    assert len(axes) == 3
    rows = sorted(float(np.median(axis.line[:, 1])) for axis in axes)
    assert rows == pytest.approx([100, 109, 118], abs=1.0)
    for axis in axes:
        assert axis.line[:, 0].min() < 50
        assert axis.line[:, 0].max() > 300
        assert axis.confidence > 0.5
    empty = np.zeros((50, 50), np.float32)
    assert find_axes(Field(empty, empty, empty, 2.0, 0.5)) == []


def test_the_proposer_gives_the_same_field_tile_by_tile():
    torch.manual_seed(2)
    net = ProposeNet().eval()
    rng = np.random.default_rng(3)
    chip = chip_of([], shape=(180, 300))
    chip.rgb[:] = rng.integers(0, 255, chip.rgb.shape)
    field = propose(net, Picture(chip.raster()))
    assert field.heat.shape == (90, 150)
    assert field.cell_m == pytest.approx(1.0)


def test_colour_bands_are_found_by_name_then_by_order():
    assert rgb_bands(("B02", "B03", "B04", "B08")) == ("B04", "B03", "B02")
    assert rgb_bands(("a", "b", "c", "d")) == ("a", "b", "c")
    assert rgb_bands(("pan",)) == ("pan",)


shipped = pytest.mark.skipif(
    not (WEIGHTS / "reader.safetensors").exists(), reason="weights are not trained yet: yardwatch train"
)


@shipped
def test_shipped_weights_read_painted_wagons_and_do_so_twice_alike():
    rng = np.random.default_rng(77)
    chips = [painted_chip(rng, gsd_m=gsd) for gsd in (0.4, 0.6)]
    detector = StripReader()
    found = [detector.detect(chip.raster(), chip.tracks) for chip in chips]
    tallies = [match(f, chip.boxes, 0.3).tally for f, chip in zip(found, chips, strict=True)]
    assert total(tallies).f1 > 0.7
    again = detector.detect(chips[0].raster(), chips[0].tracks)
    assert np.array_equal(again.boxes, found[0].boxes)
    assert set(again.kinds) <= set(KINDS)


class Counting(torch.nn.Module):
    """A net and how many pictures or strips were given to it."""

    def __init__(self, net):
        super().__init__()
        self.net, self.outputs, self.given = net, getattr(net, "outputs", 0), 0

    def __deepcopy__(self, memo):
        return self

    def forward(self, x):
        self.given += len(x)
        return self.net(x)


@shipped
def test_what_is_left_out_at_a_glance_holds_nothing(monkeypatch):
    rng = np.random.default_rng(79)
    chips = [painted_chip(rng, size=256, gsd_m=gsd) for gsd in (0.4, 0.8)]
    detector = StripReader()

    def looked():
        return [detector.detect(chip.raster(), lines) for chip in chips for lines in ((), chip.tracks)]

    some = looked()
    monkeypatch.setattr(read, "DOUBT", 0.0)
    monkeypatch.setattr(read, "gains", lambda *_: np.ones(1))
    for found, full in zip(some, looked(), strict=True):
        assert len(full) > 3
        assert np.allclose(found.boxes, full.boxes)
        assert np.allclose(found.scores, full.scores, atol=1e-3)


@shipped
def test_ground_without_a_wagon_is_looked_at_once():
    proposer = Counting(load(WEIGHTS / "proposer.safetensors", ProposeNet)[0])
    reader = Counting(load(WEIGHTS / "reader.safetensors", StripNet)[0])
    chip, detector = chip_of([], shape=(300, 300)), StripReader(reader, proposer)
    assert len(detector.detect(chip.raster())) == 0
    assert (proposer.given, reader.given) == (1, 0)
    tracks = [np.array([[10.0, y], [290.0, y]]) for y in (100.0, 200.0)]
    assert len(detector.detect(chip.raster(), tracks)) == 0
    assert (proposer.given, reader.given) == (1, 2)


@shipped
def test_axes_a_metre_off_are_recentred():
    chip = painted_chip(np.random.default_rng(78), gsd_m=0.4)
    detector = StripReader()
    moved = [frame_along(line, 0.4).shifted(np.array([1.0])) for line in chip.tracks]
    on = match(detector.detect(chip.raster(), chip.tracks), chip.boxes, 0.3).tally
    off = match(detector.detect(chip.raster(), moved), chip.boxes, 0.3).tally
    assert off.f1 > on.f1 - 0.15
