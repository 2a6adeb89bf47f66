"""Training on one device: deterministic, and equal to torch's own optimisers step by step."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

from holter.learning.client_update import Batches, Learner, LocalTraining
from holter.learning.model import ModelSpec, Vector, build, layout_of, parameters_of
from holter.signals.windows import Examples, InputShape

SHAPE = InputShape(channels=3, samples=16, extras=2, classes=3)
RATES = {"sgd": 0.1, "momentum": 0.05, "adam": 0.004}


def _how(optimiser: str = "adam", weights: float = 0.0, smoothing: float = 0.0) -> LocalTraining:
    return LocalTraining(optimiser, RATES[optimiser], weights, smoothing)


def _module(name: str = "mixer") -> nn.Module:
    return build(ModelSpec(name, hidden=8, depth=1, patch=4, bands=3), SHAPE, seed=4)


def _examples(count: int = 90, seed: int = 1) -> Examples:
    """Windows whose class shows in the mean of its channel; classes of unequal frequency."""
    dice = np.random.default_rng(seed)
    y = dice.choice(3, size=count, p=[0.6, 0.3, 0.1])
    x = dice.normal(size=(count, 3, 16)).astype(np.float32)
    x[np.arange(count), y] += 1.0
    return Examples(x, dice.normal(size=(count, 2)).astype(np.float32), y)


def _batches(steps: int, batch: int = 16, count: int = 90) -> Batches:
    return np.random.default_rng(2).integers(0, count, size=(steps, batch))


def _torch_optimiser(how: LocalTraining, module: nn.Module) -> torch.optim.Optimizer:
    match how.optimiser:
        case "sgd":
            return torch.optim.SGD(module.parameters(), lr=how.learning_rate)
        case "momentum":
            return torch.optim.SGD(module.parameters(), lr=how.learning_rate, momentum=0.9)
    return torch.optim.Adam(module.parameters(), lr=how.learning_rate, betas=(0.9, 0.99), eps=1e-8)


def _plainly(module: nn.Module, data: Examples, batches: Batches, how: LocalTraining) -> Vector:
    """The textbook loop: named parameters, zero_grad, backward, step."""
    weight = None
    if how.class_weights:
        counts = np.bincount(data.y, minlength=3)
        weight = torch.tensor(
            [float(c) ** -how.class_weights if c else 0.0 for c in counts], dtype=torch.float32
        )
    loss_of = nn.CrossEntropyLoss(weight=weight, label_smoothing=how.label_smoothing)
    optimiser = _torch_optimiser(how, module)
    for rows in batches:
        optimiser.zero_grad()
        x, extra = torch.from_numpy(data.x[rows]), torch.from_numpy(data.extra[rows])
        loss_of(module(x, extra), torch.from_numpy(data.y[rows])).backward()
        optimiser.step()
    return parameters_of(module)


@pytest.mark.parametrize("name", ["mixer", "mlp", "cnn"])
@pytest.mark.parametrize("optimiser", RATES)
def test_flat_buffers_train_as_torchs_own_optimiser_does(optimiser: str, name: str) -> None:
    data, batches, how = _examples(), _batches(40), _how(optimiser)
    module = _module(name)
    start = parameters_of(module)
    learner = Learner(module, SHAPE.classes)
    trained = learner.train(start, learner.prepared(data), batches, how)
    expected = _plainly(_module(name), data, batches, how)
    assert trained.dtype == np.float32
    assert np.abs(trained - start).max() > 0.01
    assert np.abs(trained - expected).max() < 1e-5


@pytest.mark.parametrize(
    ("weights", "smoothing"), [(0.5, 0.0), (1.0, 0.0), (0.0, 0.1), (0.5, 0.05)]
)
def test_class_weights_and_smoothing_are_those_of_torch(weights: float, smoothing: float) -> None:
    data, batches, how = _examples(), _batches(30), _how("sgd", weights, smoothing)
    learner = Learner(module := _module(), SHAPE.classes)
    trained = learner.train(parameters_of(module), learner.prepared(data), batches, how)
    assert np.abs(trained - _plainly(_module(), data, batches, how)).max() < 1e-5


@pytest.mark.parametrize("optimiser", RATES)
def test_training_twice_gives_the_same_bits_whatever_was_trained_between(optimiser: str) -> None:
    learner = Learner(module := _module(), SHAPE.classes)
    start = parameters_of(module)
    windows, others = learner.prepared(_examples()), learner.prepared(_examples(seed=9))
    once = learner.train(start, windows, _batches(15), _how(optimiser))
    learner.train(once * 2, others, _batches(7), _how("momentum", 0.5, 0.1))
    again = learner.train(start, windows, _batches(15), _how(optimiser))
    assert once.tobytes() == again.tobytes()


def test_a_result_is_a_copy_that_later_training_does_not_touch() -> None:
    learner = Learner(module := _module(), SHAPE.classes)
    windows = learner.prepared(_examples())
    start = parameters_of(module)
    kept = start.copy()
    result = learner.train(start, windows, _batches(3), _how())
    before = result.copy()
    learner.train(result, windows, _batches(3), _how())
    assert np.array_equal(result, before)
    assert np.array_equal(start, kept)


@pytest.mark.parametrize("name", ["mixer", "spectral", "softmax"])
@pytest.mark.parametrize("optimiser", RATES)
def test_the_loss_falls(optimiser: str, name: str) -> None:
    learner = Learner(module := _module(name), SHAPE.classes)
    windows, start = learner.prepared(_examples()), parameters_of(module)

    def loss(parameters: Vector) -> float:
        logits = torch.from_numpy(learner.logits(parameters, windows))
        return float(nn.functional.cross_entropy(logits, windows.y))

    trained = learner.train(start, windows, _batches(60), _how(optimiser))
    assert loss(trained) < 0.8 * loss(start)


def test_zero_steps_return_the_start() -> None:
    learner = Learner(module := _module(), SHAPE.classes)
    start = parameters_of(module) + 1
    result = learner.train(start, learner.prepared(_examples()), _batches(0), _how())
    assert np.array_equal(result, start)
    assert not np.shares_memory(result, start)


def test_many_steps_gathered_at_once_are_the_steps_one_after_another() -> None:
    learner = Learner(module := _module("softmax"), SHAPE.classes)
    windows, start = learner.prepared(_examples()), parameters_of(module)
    batches = _batches(600, batch=10)  # more windows than are copied out at once
    whole = learner.train(start, windows, batches, _how("sgd"))
    part = start
    for rows in np.array_split(batches, 5):
        part = learner.train(part, windows, rows, _how("sgd"))
    assert whole.tobytes() == part.tobytes()


@pytest.mark.parametrize("power", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("counts", [(60, 30, 10), (100, 0, 0), (1, 0, 99)])
def test_class_weights_have_mean_one_over_the_windows(
    power: float, counts: tuple[int, ...]
) -> None:
    y = torch.from_numpy(np.repeat(np.arange(3), counts))
    weight = Learner(_module(), 3)._weights(y, power)
    assert weight is not None
    assert float(weight[y].mean()) == pytest.approx(1.0, rel=1e-6)
    assert all((float(w) == 0) == (c == 0) for w, c in zip(weight, counts, strict=True))
    rare, frequent = float(weight[0]), float(weight[2])
    if counts[0] and counts[2]:
        assert rare / frequent == pytest.approx((counts[2] / counts[0]) ** power, rel=1e-5)


def test_one_class_alone_trains_as_without_weights() -> None:
    data = _examples()
    alone = Examples(data.x, data.extra, np.zeros(90, dtype=np.int64))
    learner = Learner(module := _module(), SHAPE.classes)
    start = parameters_of(module)
    results = [
        learner.train(start, learner.prepared(alone), _batches(5), _how("sgd", weights))
        for weights in (0.0, 1.0)
    ]
    assert np.abs(results[0] - results[1]).max() < 1e-6


def test_logits_are_those_of_the_module_with_these_parameters() -> None:
    module, data = _module("spectral"), _examples(20)
    learner = Learner(module, SHAPE.classes)
    parameters = np.random.default_rng(5).normal(size=layout_of(module).size).astype(np.float32)
    windows = learner.prepared(data)
    logits = learner.logits(parameters, windows)
    by_hand = _module("spectral")
    arrays = layout_of(by_hand).split(parameters)
    by_hand.load_state_dict({name: torch.from_numpy(a) for name, a in arrays.items()})
    x, extra = by_hand.prepare(torch.from_numpy(data.x), torch.from_numpy(data.extra))
    assert logits.shape == (20, 3)
    assert np.allclose(logits, by_hand(x, extra).detach().numpy(), atol=1e-6)
    assert np.array_equal(learner.logits(parameters, windows), logits)


def test_windows_are_taken_in_the_order_asked_for() -> None:
    learner = Learner(_module(), SHAPE.classes)
    data = _examples()
    rows: npt.NDArray[np.int64] = np.array([5, 0, 5])
    taken = learner.prepared(data).take(rows)
    assert len(taken) == 3
    assert np.array_equal(taken.x.numpy(), data.x[rows])
    assert np.array_equal(taken.extra.numpy(), data.extra[rows])
    assert np.array_equal(taken.y.numpy(), data.y[rows])


def test_training_does_not_change_the_examples() -> None:
    data = _examples(10)
    before = (data.x.tobytes(), data.extra.tobytes(), data.y.tobytes())
    learner = Learner(module := _module(), SHAPE.classes)
    windows = learner.prepared(data)
    learner.train(parameters_of(module), windows, _batches(4, count=10), _how())
    assert before == (data.x.tobytes(), data.extra.tobytes(), data.y.tobytes())
