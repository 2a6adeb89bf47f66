"""The catalogue's networks: small, and without statistics shared over people.

Each takes a window x (batch, channels, samples) and the numbers beside it (batch, extras)
and returns logits (batch, classes). ``Spectral`` has no trained front: its features are
fixed and public, computed once on the device, so that little remains to be learnt, and a
noisy sum can teach it.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import Tensor, nn

from holter.signals.windows import InputShape


class Dense(nn.Module):
    """Softmax regression (no hidden layer) or a multilayer perceptron on the flat window."""

    def __init__(self, shape: InputShape, hidden: tuple[int, ...]) -> None:
        super().__init__()
        sizes = (shape.channels * shape.samples + shape.extras, *hidden)
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(sizes[-1], shape.classes)

    def forward(self, x: Tensor, extra: Tensor) -> Tensor:
        flat = torch.cat([x.flatten(1), extra], dim=1)
        return self.head(self.body(flat))  # type: ignore[no-any-return]


class Spectral(nn.Module):
    """Fixed spectral features of a window, then one hidden layer.

    Features of each channel, and of the length of each group of three (an acceleration):
    log power in ``bands`` logarithmic frequency bands (Hann window, mean removed), log
    standard deviation; of each channel its mean. Scaled by public constants for signals in
    units of about 1 (g, or person-normalised), never by anyone's data.
    """

    def __init__(self, shape: InputShape, hidden: int, bands: int) -> None:
        super().__init__()
        self._edges = band_edges(shape.samples, bands)
        with torch.no_grad():
            example = torch.zeros(1, shape.channels, shape.samples)
            features = self.features(example).shape[1]
        self.body = nn.Linear(features + shape.extras, hidden)
        self.head = nn.Linear(hidden, shape.classes)

    def features(self, x: Tensor) -> Tensor:
        """Fixed features, shape (batch, features); no parameter takes part."""
        means = x.mean(dim=2) * 1.5
        if not self._edges:
            return means
        signals = x
        if x.shape[1] % 3 == 0:
            lengths = x.reshape(len(x), -1, 3, x.shape[2]).square().sum(dim=2).sqrt()
            signals = torch.cat([x, lengths], dim=1)
        centred = signals - signals.mean(dim=2, keepdim=True)
        window = torch.hann_window(x.shape[2], periodic=False)
        power = torch.fft.rfft(centred * window).abs().square() / x.shape[2]
        parts = [means, (centred.std(dim=2, correction=0) + 0.01).log() + 2.5]
        for low, high in itertools.pairwise(self._edges):
            parts.append((power[:, :, low:high].mean(dim=2) + 1e-4).log() / 2 + 1.5)
        return torch.cat(parts, dim=1)

    def prepare(self, x: Tensor, extra: Tensor) -> tuple[Tensor, Tensor]:
        """Features and extras side by side, computed once for a window, however often used."""
        with torch.no_grad():
            return torch.cat([self.features(x), extra], dim=1), extra

    def forward(self, x: Tensor, extra: Tensor) -> Tensor:
        """x: what ``prepare`` returned; ``extra`` is part of it already."""
        linear = nn.functional.linear
        hidden = torch.relu(linear(x, self.body.weight, self.body.bias))
        return linear(hidden, self.head.weight, self.head.bias)


def band_edges(samples: int, bands: int) -> list[int]:
    """First bins of logarithmic frequency bands from bin 1 on, and the end; [] below 8 samples.

    The end is at 9/16 of half the sampling rate: above it small sensors hold mostly noise.
    """
    if samples < 8:
        return []
    edges = np.geomspace(1, samples * 9 / 32, bands + 1).round().astype(int)
    return [int(edge) for edge in np.unique(edges)]


class Mixer(nn.Module):
    """Patches that do not overlap, then layers that mix over patches and over features.

    All of its work is matrix products, so it trains several times as many windows a second
    as a small convolution of equal size. Source: Tolstikhin et al. 2021, in one dimension.
    """

    def __init__(self, shape: InputShape, hidden: int, depth: int, patch: int) -> None:
        super().__init__()
        self._patch = min(patch, shape.samples)
        count = -(-shape.samples // self._patch)
        self._padding = count * self._patch - shape.samples
        self.embed = nn.Linear(shape.channels * self._patch, hidden)
        self.layers = nn.ModuleList(_Mix(count, hidden) for _ in range(depth))
        self.norm = nn.LayerNorm(hidden)
        self.head = nn.Linear(hidden + shape.extras, shape.classes)

    def forward(self, x: Tensor, extra: Tensor) -> Tensor:
        padded = nn.functional.pad(x, (0, self._padding))
        patches = padded.reshape(len(x), x.shape[1], -1, self._patch).transpose(1, 2).flatten(2)
        tokens = self.embed(patches)
        for layer in self.layers:
            tokens = layer(tokens)
        pooled = self.norm(tokens).mean(dim=1)
        return self.head(torch.cat([pooled, extra], dim=1))  # type: ignore[no-any-return]


class _Mix(nn.Module):
    def __init__(self, tokens: int, hidden: int) -> None:
        super().__init__()
        self.over_tokens = nn.Linear(tokens, tokens)
        self.over_features = nn.Linear(hidden, hidden)
        self.norm_tokens = nn.LayerNorm(hidden)
        self.norm_features = nn.LayerNorm(hidden)

    def forward(self, tokens: Tensor) -> Tensor:
        across = self.over_tokens(self.norm_tokens(tokens).transpose(1, 2)).transpose(1, 2)
        tokens = tokens + nn.functional.gelu(across)
        within = self.over_features(self.norm_features(tokens))
        return tokens + nn.functional.gelu(within)


class Convolution(nn.Module):
    """Convolutions of width 5 with GroupNorm and pooling; each layer twice as wide as the last."""

    def __init__(self, shape: InputShape, hidden: int, depth: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width, length = shape.channels, shape.samples
        for layer in range(depth):
            wider = hidden * 2**layer
            layers += [nn.Conv1d(width, wider, 5, padding=2), nn.GroupNorm(1, wider), nn.ReLU()]
            if length >= 4:
                layers.append(nn.MaxPool1d(2))
                length //= 2
            width = wider
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(width + shape.extras, shape.classes)

    def forward(self, x: Tensor, extra: Tensor) -> Tensor:
        pooled = self.body(x).mean(dim=2)
        return self.head(torch.cat([pooled, extra], dim=1))  # type: ignore[no-any-return]
