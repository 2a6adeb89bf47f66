"""The catalogue's networks: what ``spectral`` computes once, and where its bands lie."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from holter.learning.layers import Convolution, Dense, Mixer, Spectral, band_edges
from holter.signals.windows import InputShape

SHAPE = InputShape(channels=3, samples=64, extras=2, classes=4)


def _spectral(shape: InputShape = SHAPE) -> Spectral:
    torch.manual_seed(1)
    return Spectral(shape, hidden=5, bands=6)


def _windows(shape: InputShape, count: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    dice = np.random.default_rng(3)
    x = dice.normal(size=(count, shape.channels, shape.samples)).astype(np.float32)
    extra = dice.normal(size=(count, shape.extras)).astype(np.float32)
    return torch.from_numpy(x), torch.from_numpy(extra)


@pytest.mark.parametrize(
    "shape",
    [SHAPE, InputShape(2, 20, 0, 2), InputShape(6, 128, 3, 5), InputShape(4, 1, 1, 2)],
    ids=str,
)
def test_prepared_windows_give_what_the_layers_give_on_raw_features(shape: InputShape) -> None:
    module = _spectral(shape)
    x, extra = _windows(shape)
    beside = torch.cat([module.features(x), extra], dim=1)
    expected = module.head(torch.relu(module.body(beside)))
    assert torch.allclose(module(*module.prepare(x, extra)), expected, atol=1e-6)


def test_preparing_takes_no_gradient_and_no_parameter() -> None:
    module = _spectral()
    x, extra = _windows(SHAPE)
    features, _ = module.prepare(x, extra)
    assert not features.requires_grad
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    assert torch.equal(module.prepare(x, extra)[0], features)


def test_features_of_a_window_do_not_depend_on_the_others() -> None:
    x, _ = _windows(SHAPE)
    module = _spectral()
    together = module.features(x)
    for row in range(len(x)):
        assert torch.allclose(module.features(x[row : row + 1]), together[row : row + 1], atol=1e-6)


def test_features_of_silence_are_finite() -> None:
    features = _spectral().features(torch.zeros(2, 3, 64))
    assert features.isfinite().all()


def test_features_are_those_of_the_docstring_computed_by_hand() -> None:
    x, _ = _windows(SHAPE, count=1)
    signal = x[0].double().numpy()
    length = np.sqrt((signal**2).sum(axis=0, keepdims=True))
    signals = np.concatenate([signal, length])
    centred = signals - signals.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(centred * np.hanning(64), axis=1)) ** 2 / 64
    edges = band_edges(64, 6)
    expected = [1.5 * signal.mean(axis=1), np.log(centred.std(axis=1) + 0.01) + 2.5]
    for low, high in pairwise(edges):
        expected.append(np.log(power[:, low:high].mean(axis=1) + 1e-4) / 2 + 1.5)
    found = _spectral().features(x)[0].numpy()
    assert found == pytest.approx(np.concatenate(expected), abs=1e-4)


def test_turning_the_sensor_leaves_the_features_of_the_length_as_they_were() -> None:
    x, _ = _windows(SHAPE)
    turned = x[:, [1, 2, 0]] * torch.tensor([1.0, -1.0, 1.0]).reshape(1, 3, 1)
    module = _spectral()
    before, after = module.features(x), module.features(turned)
    of_length = [3 + 3] + [7 + 4 * band + 3 for band in range(len(band_edges(64, 6)) - 1)]
    assert torch.allclose(before[:, of_length], after[:, of_length], atol=1e-5)
    assert not torch.allclose(before, after, atol=1e-2)


@given(st.integers(8, 4096), st.integers(1, 40))
def test_bands_rise_from_the_first_bin_to_nine_sixteenths_of_half_the_rate(
    samples: int, bands: int
) -> None:
    edges = band_edges(samples, bands)
    assert edges[0] == 1
    assert 2 <= len(edges) <= bands + 1
    assert (np.diff(edges) > 0).all()
    assert abs(edges[-1] - samples * 9 / 32) <= 0.5
    assert edges[-1] <= samples // 2 + 1


@pytest.mark.parametrize("samples", range(1, 8))
def test_windows_too_short_for_a_spectrum_have_means_only(samples: int) -> None:
    assert band_edges(samples, 5) == []
    shape = InputShape(3, samples, 0, 2)
    x, _ = _windows(shape)
    assert torch.allclose(_spectral(shape).features(x), 1.5 * x.mean(dim=2))


@pytest.mark.parametrize(
    "module",
    [Dense(SHAPE, (6,)), _spectral(), Mixer(SHAPE, 8, 2, 10), Convolution(SHAPE, 4, 3)],
    ids=repr,
)
def test_no_network_lets_one_window_influence_another(module: nn.Module) -> None:
    module.train()
    x, extra = _windows(SHAPE)
    if isinstance(module, Spectral):
        x, extra = module.prepare(x, extra)
    with torch.no_grad():
        before = module(x, extra)
        x = x.clone()
        x[1:] *= 100
        assert torch.allclose(module(x, extra)[0], before[0], atol=1e-5)


@pytest.mark.parametrize(("patch", "samples"), [(10, 64), (64, 64), (100, 64), (1, 5), (7, 7)])
def test_a_mixer_pads_the_last_patch_and_never_loses_a_sample(patch: int, samples: int) -> None:
    shape = InputShape(2, samples, 0, 3)
    torch.manual_seed(2)
    module = Mixer(shape, 8, 1, patch)
    x, extra = _windows(shape, count=1)
    x.requires_grad_(True)
    module(x, extra).square().sum().backward()
    assert x.grad is not None and (x.grad != 0).all()
