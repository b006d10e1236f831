"""The nets in other engines: the same numbers, and an engine is only taken where it is clearly faster."""

import json
import pickle
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from evidence.config import RunConfig
from evidence.run import run
from imagery.errors import ConfigError, UnreadableError
from models.wagons.engine import (
    CLEARLY,
    INT8,
    KEEPS,
    NETS,
    RECORD,
    TORCH,
    Speed,
    choose,
    engines,
    exported_reader,
    net_in,
    painted_chips,
    write_int8,
    write_onnx,
)
from models.wagons.infer import WEIGHTS, StripReader
from models.wagons.quantise import given_to
from models.wagons.registry import exported
from models.wagons.runtimes import Exported

OTHERS = [name for name in ("onnxruntime", "openvino") if find_spec(name)]
needs_export = pytest.mark.skipif(
    not OTHERS or find_spec("onnx") is None or find_spec("onnxscript") is None,
    reason="none of the engines of yardwatch[fast] is installed",
)


def speed(engine, seconds, off=0.0):
    return Speed(engine, "1", seconds / 2, seconds / 2, 0.5, 0.5, 0.9 + off, off)


def test_torch_stays_unless_another_is_clearly_faster_and_as_good():
    torchs = speed(TORCH, 1.0)
    assert choose([torchs, speed("openvino", 1 / CLEARLY + 0.01)]) == TORCH
    assert choose([torchs, speed("openvino", 1 / CLEARLY - 0.01)]) == "openvino"
    assert choose([torchs, speed("openvino", 0.1, -2 * KEEPS), speed("onnxruntime", 0.5)]) == "onnxruntime"
    assert choose([torchs, speed("openvino", 0.1, 2 * KEEPS)]) == TORCH
    assert choose([torchs]) == TORCH


def test_torch_is_always_there():
    assert engines()[0] == TORCH
    assert net_in(TORCH, "reader", WEIGHTS, WEIGHTS).outputs > 4


@pytest.fixture(scope="module")
def onnx(tmp_path_factory):
    folder = tmp_path_factory.mktemp("onnx")
    write_onnx(WEIGHTS, folder)
    return folder


@needs_export
def test_exported_nets_give_the_same_numbers_at_any_size(onnx):
    rng = torch.Generator().manual_seed(1)
    for engine in OTHERS:
        for name, shape in (("reader", (3, 4, 24, 136)), ("proposer", (1, 4, 40, 72))):
            x = torch.rand(shape, generator=rng)
            with torch.inference_mode():
                expected = net_in(TORCH, name, WEIGHTS, onnx)(x)
            net = net_in(engine, name, WEIGHTS, onnx)
            assert torch.allclose(net(x), expected, atol=1e-3)
            assert torch.equal(pickle.loads(pickle.dumps(net))(x), net(x))


@needs_export
@pytest.mark.skipif(find_spec("onnxruntime") is None, reason="ONNX Runtime writes eight bits")
def test_eight_bits_say_nearly_the_same(onnx):
    chips = painted_chips(1)
    nets = {name: net_in(TORCH, name, WEIGHTS, onnx) for name in NETS}
    given = given_to(nets, chips)
    write_int8(WEIGHTS, onnx)
    for name, net in nets.items():
        x = torch.from_numpy(given[name][0])
        with torch.inference_mode():
            expected = net(x)[:, 0].sigmoid()
        assert expected.max() > 0.5
        assert (onnx / f"{name}.int8.onnx").stat().st_size < 0.6 * (onnx / f"{name}.onnx").stat().st_size
        for engine in OTHERS:
            said = net_in(engine + INT8, name, WEIGHTS, onnx)(x)[:, 0].sigmoid()
            assert 0 < (said - expected).abs().mean() < 0.02


@needs_export
def test_the_detector_finds_the_same_in_the_engine_that_was_recorded(onnx):
    chip = painted_chips(1)[-1]
    expected = StripReader().detect(chip.raster(), chip.tracks)
    for engine in OTHERS:
        (onnx / RECORD).write_text(json.dumps({"engine": engine}))
        found = exported("strips", onnx).detect(chip.raster(), chip.tracks)
        assert len(found) == len(expected) > 0
        assert np.allclose(found.boxes, expected.boxes, atol=0.05)
        assert found.kinds == expected.kinds


def test_what_cannot_be_used_is_said(tmp_path):
    with pytest.raises(UnreadableError, match="export-model"):
        exported_reader(tmp_path)
    (tmp_path / RECORD).write_text('{"engine": "magic"}')
    with pytest.raises(UnreadableError, match="magic"):
        exported_reader(tmp_path)
    with pytest.raises(ConfigError, match="use strips"):
        exported("edges", tmp_path)
    (tmp_path / "a.tif").write_bytes(b"")
    both = RunConfig(tiles=(tmp_path,), engine=tmp_path, adapted=tmp_path / "w.safetensors")
    with pytest.raises(ConfigError, match="give one"):
        run(both, tmp_path / "out", "c")
    for engine in OTHERS:
        (tmp_path / "reader.onnx").write_bytes(b"no net")
        with pytest.raises(UnreadableError, match="export it again"):
            Exported(engine, tmp_path / "reader.onnx", 1)
    assert set(NETS) == {"reader", "proposer"}
