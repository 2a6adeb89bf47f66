"""Models by name: they fit their task or say what is needed, and their layout is their size."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from holter.learning.model import (
    CATALOGUE,
    ModelError,
    ModelSpec,
    build,
    layout_of,
    parameters_of,
    prepare,
)
from holter.signals.windows import InputShape

SHAPE = InputShape(channels=3, samples=32, extras=2, classes=4)
SHAPES = (
    SHAPE,
    InputShape(channels=1, samples=1, extras=0, classes=2),
    InputShape(channels=43, samples=1, extras=0, classes=6),
    InputShape(channels=2, samples=7, extras=3, classes=2),
    InputShape(channels=6, samples=128, extras=0, classes=14),
    InputShape(channels=1, samples=100, extras=17, classes=3),
)


def _spec(name: str, hidden: int = 8, depth: int = 2, patch: int = 6, bands: int = 4) -> ModelSpec:
    return ModelSpec(name, hidden, depth, patch, bands)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", CATALOGUE)
def test_every_model_of_the_catalogue_answers_for_every_shape(name: str, shape: InputShape) -> None:
    module = build(_spec(name), shape, seed=1)
    x = torch.randn(5, shape.channels, shape.samples)
    logits = module(*prepare(module, x, torch.randn(5, shape.extras)))
    assert logits.shape == (5, shape.classes)
    assert logits.isfinite().all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", CATALOGUE)
def test_the_layout_counts_every_trained_parameter_once(name: str, shape: InputShape) -> None:
    module = build(_spec(name), shape, seed=1)
    layout, flat = layout_of(module), parameters_of(module)
    assert flat.dtype == np.float32
    assert flat.shape == (layout.size,)
    assert layout.size == sum(p.numel() for p in module.parameters())
    for name_of, array in layout.split(flat).items():
        assert np.array_equal(array, module.get_parameter(name_of).detach().numpy())


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("softmax", (3 * 32 + 2) * 4 + 4),
        ("mlp", (98 * 8 + 8) + (8 * 8 + 8) + (8 * 4 + 4)),
        # 3 channels and their length: 4 deviations, 4 bands each; 3 means; 2 extras.
        ("spectral", ((3 + 4 + 4 * 4 + 2) * 8 + 8) + (8 * 4 + 4)),
        # 6 patches of 6 samples; two layers over patches and features, each with its norm.
        ("mixer", (18 * 8 + 8) + 2 * (42 + 72 + 16 + 16) + 16 + (10 * 4 + 4)),
        ("cnn", (3 * 8 * 5 + 8 + 16) + (8 * 16 * 5 + 16 + 32) + (18 * 4 + 4)),
    ],
)
def test_parameters_can_be_counted_by_hand(name: str, count: int) -> None:
    assert layout_of(build(_spec(name), SHAPE, seed=1)).size == count


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_seed_alone_determines_the_first_parameters(name: str) -> None:
    torch.manual_seed(99)
    one = parameters_of(build(_spec(name), SHAPE, seed=5))
    torch.manual_seed(100)
    assert np.array_equal(one, parameters_of(build(_spec(name), SHAPE, seed=5)))
    assert not np.array_equal(one, parameters_of(build(_spec(name), SHAPE, seed=6)))


def test_building_leaves_the_dice_of_torch_as_they_were() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    build(_spec("mixer"), SHAPE, seed=5)
    assert torch.equal(torch.rand(4), expected)


def test_parameters_that_are_not_trained_are_not_sent() -> None:
    module = build(_spec("mlp"), SHAPE, seed=1)
    before = layout_of(module).size
    module.head.bias.requires_grad_(False)
    assert layout_of(module).size == len(parameters_of(module)) == before - 4


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ModelError, match="'transformer' is not known") as refusal:
        build(_spec("transformer"), SHAPE, seed=1)
    for name in (*CATALOGUE, "package.module:build"):
        assert name in str(refusal.value)


OWN = """
import torch
from torch import nn

class Own(nn.Module):
    def __init__(self, shape, layer=None, answer=lambda logits: logits, classes=None):
        super().__init__()
        self.layer = layer or nn.Identity()
        self.head = nn.Linear(shape.channels, shape.classes if classes is None else classes)
        self.answer = answer

    def forward(self, x, extra):
        return self.answer(self.head(self.layer(x).mean(dim=2)))

class Nothing(nn.Module):
    def forward(self, x, extra):
        return torch.zeros(len(x), 4)

def refuse(*arguments):
    raise KeyError("no such thing")

def silent(*arguments):
    raise ValueError

def wrong_type(shape): return "a model"
def parameterless(shape): return Nothing()
def build(shape): return Own(shape)
def group_norm(shape): return Own(shape, nn.GroupNorm(1, shape.channels))
def batch_norm(shape): return Own(shape, nn.Sequential(nn.BatchNorm1d(shape.channels)))
def sync_norm(shape): return Own(shape, nn.SyncBatchNorm(shape.channels))
def lazy_norm(shape): return Own(shape, nn.LazyBatchNorm1d())
def one_class_more(shape): return Own(shape, classes=shape.classes + 1)
def per_sample(shape): return Own(shape, answer=lambda logits: logits.unsqueeze(2))
def wrong_inputs(shape): return Own(shape, nn.Conv1d(shape.channels + 1, shape.channels, 1))
def pair(shape): return Own(shape, answer=lambda logits: (logits, logits))
def key_error(shape): return Own(shape, answer=refuse)
def silent_error(shape): return Own(shape, answer=silent)
def index_error(shape): return Own(shape, answer=lambda logits: logits[:, 99])
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A user's package, as it lies beside a study: ``OWN`` as heart_models.small."""
    package = tmp_path / "heart_models"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "small.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("heart_models", "heart_models.small"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return "heart_models.small"


@pytest.mark.parametrize("function", ["build", "group_norm"])
def test_a_users_own_model_is_built_by_its_name(own: str, function: str) -> None:
    module = build(_spec(f"{own}:{function}"), SHAPE, seed=1)
    assert module(torch.zeros(2, 3, 32), torch.zeros(2, 2)).shape == (2, 4)


def test_a_users_own_model_follows_the_seed_too(own: str) -> None:
    one, again, other = (
        parameters_of(build(_spec(own + ":build"), SHAPE, seed=s)) for s in (1, 1, 2)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("function", ["batch_norm", "sync_norm", "lazy_norm"])
def test_batch_statistics_are_refused_because_they_mix_people(own: str, function: str) -> None:
    with pytest.raises(ModelError, match="its statistics mix people; use GroupNorm or LayerNorm"):
        build(_spec(f"{own}:{function}"), SHAPE, seed=1)


@pytest.mark.parametrize(
    ("function", "shown"), [("one_class_more", r"\(2, 5\)"), ("per_sample", r"\(2, 4, 1\)")]
)
def test_a_wrong_output_is_refused_and_told_what_is_needed(
    own: str, function: str, shown: str
) -> None:
    expected = f"returns {shown} for 2 windows; the study has 4 classes, so \\(2, 4\\) is needed"
    with pytest.raises(ModelError, match=expected):
        build(_spec(f"{own}:{function}"), SHAPE, seed=1)


def test_a_model_that_cannot_read_the_windows_is_refused_with_their_shape(own: str) -> None:
    with pytest.raises(ModelError, match=r"fails on windows of .*channels=3, samples=32"):
        build(_spec(own + ":wrong_inputs"), SHAPE, seed=1)


def test_a_model_without_parameters_is_refused(own: str) -> None:
    with pytest.raises(ModelError, match="no parameters to train"):
        build(_spec(own + ":parameterless"), SHAPE, seed=1)


def test_what_is_no_module_is_refused(own: str) -> None:
    with pytest.raises(ModelError, match=r"returned str, not an nn\.Module"):
        build(_spec(own + ":wrong_type"), SHAPE, seed=1)


@pytest.mark.parametrize(
    "name", ["heart_models.small:absent", "heart_models.absent:build", "absent:build"]
)
def test_an_import_that_fails_says_what_is_missing(own: str, name: str) -> None:
    with pytest.raises(ModelError, match=r"cannot be imported: .*absent"):
        build(_spec(name), SHAPE, seed=1)


@pytest.mark.parametrize("name", [":build", ".small:build"])
def test_a_name_without_a_module_is_refused(name: str) -> None:
    with pytest.raises(ModelError):
        build(_spec(name), SHAPE, seed=1)


@pytest.mark.parametrize("function", ["pair", "key_error", "silent_error", "index_error"])
def test_a_model_that_fails_in_any_other_way_is_refused_too(own: str, function: str) -> None:
    with pytest.raises(ModelError):
        build(_spec(f"{own}:{function}"), SHAPE, seed=1)
