"""Models by name, their parameters as one flat vector, and the check that tells what does not fit.

A model is an ``nn.Module`` called as model(x, extra) with x (batch, channels, samples) and
extra (batch, extras), both float32, returning logits (batch, classes). A user's own is named
``package.module:build``; ``build(shape: InputShape)`` returns it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from holter.algebra.layout import Layout
from holter.learning.layers import Convolution, Dense, Mixer, Spectral
from holter.signals.windows import InputShape

Vector = npt.NDArray[np.float32]


class ModelError(ValueError):
    """A model that cannot be built or does not fit its task; the message says why."""


@dataclass(frozen=True)
class ModelSpec:
    """Name and sizes, as [model] of a study gives them."""

    name: str
    hidden: int
    depth: int
    patch: int
    bands: int


CATALOGUE: dict[str, Callable[[ModelSpec, InputShape], nn.Module]] = {
    "softmax": lambda spec, shape: Dense(shape, ()),
    "mlp": lambda spec, shape: Dense(shape, (spec.hidden,) * spec.depth),
    "spectral": lambda spec, shape: Spectral(shape, spec.hidden, spec.bands),
    "mixer": lambda spec, shape: Mixer(shape, spec.hidden, spec.depth, spec.patch),
    "cnn": lambda spec, shape: Convolution(shape, spec.hidden, spec.depth),
}


def build(spec: ModelSpec, shape: InputShape, *, seed: int) -> nn.Module:
    """The model, its first parameters drawn from ``seed``, checked against ``shape``.

    Raises ModelError: unknown name, import that fails, batch statistics, wrong output.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = _build(spec, shape)
    _check(module, shape, spec.name)
    return module


def _build(spec: ModelSpec, shape: InputShape) -> nn.Module:
    if spec.name in CATALOGUE:
        return CATALOGUE[spec.name](spec, shape)
    package, colon, function = spec.name.partition(":")
    if not colon:
        raise ModelError(
            f"model.name = {spec.name!r} is not known; it is one of: "
            + ", ".join(CATALOGUE)
            + ", or your own as package.module:build"
        )
    try:
        builder = getattr(importlib.import_module(package), function)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ModelError(f"model.name = {spec.name!r} cannot be imported: {error}") from None
    module = builder(shape)
    if not isinstance(module, nn.Module):
        raise ModelError(f"{spec.name} returned {type(module).__name__}, not an nn.Module")
    return module


def _check(module: nn.Module, shape: InputShape, name: str) -> None:
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            raise ModelError(
                f"model {name} uses {type(part).__name__}: its statistics mix people; use "
                "GroupNorm or LayerNorm"
            )
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise ModelError(f"model {name} has no parameters to train")
    x = torch.zeros(2, shape.channels, shape.samples)
    extra = torch.zeros(2, shape.extras)
    try:
        with torch.no_grad():
            logits = module(*prepare(module, x, extra))
    except Exception as error:  # a user's own code may raise anything; all of it is told
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ModelError(f"model {name} fails on windows of {shape}: {what}") from error
    found = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
    if found != (2, shape.classes):
        raise ModelError(
            f"model {name} returns {found} for 2 windows; the study has "
            f"{shape.classes} classes, so (2, {shape.classes}) is needed"
        )


def prepare(
    module: nn.Module, x: torch.Tensor, extra: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """What the model's ``forward`` takes: fixed features where it has any, else x itself."""
    fixed = getattr(module, "prepare", None)
    if fixed is None:
        return x, extra
    result: tuple[torch.Tensor, torch.Tensor] = fixed(x, extra)
    return result


def layout_of(module: nn.Module) -> Layout:
    """Names and shapes of all trained parameters, in the order of the flat vector."""
    return Layout(
        tuple(
            (name, tuple(parameter.shape))
            for name, parameter in module.named_parameters()
            if parameter.requires_grad
        )
    )


def parameters_of(module: nn.Module) -> Vector:
    """All trained parameters as one flat vector, float32."""
    parts = [p.detach().reshape(-1) for p in module.parameters() if p.requires_grad]
    result: Vector = torch.cat(parts).numpy().astype(np.float32)
    return result
