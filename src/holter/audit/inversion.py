"""What one upload gives away: the input of a dense layer, read from its gradients.

For one window the gradient of a dense layer's weights is an outer product, delta x^T, and that of
its bias is delta; dividing a row by its bias gives x (Geiping et al. 2020, arXiv 2003.14053,
section 3). Three arms, since only together do they tell the truth: a raw update gives the window
away; a sum of 50 devices still gives away much of it, since few units are active for each; the
sum with noise gives away what random guesses would. A demonstration on synthetic windows and on a
plan of its own (multilayer perceptron 384-128-6), through the audited pipeline's device half.
"""

from __future__ import annotations

import math

import numpy as np

from holter.algebra import ring
from holter.algebra.layout import Layout
from holter.audit.draws import signs, uniform
from holter.audit.estimators import correlation_tail
from holter.audit.finding import FALSE_ALARM, Finding, Inversion, Reconstruction
from holter.audit.pipe import AUDITOR, Contribute, Floats, Pipe, Silent, SourceOf, Vector
from holter.privacy.source import Source
from holter.rounds.plan import Plan
from holter.rounds.planning import make_plan
from holter.rounds.study import Study

CHANNELS, SAMPLES, HIDDEN, CLASSES = 3, 128, 128, 6
INPUTS = CHANNELS * SAMPLES
LAYOUT = Layout(
    (
        ("hidden.weight", (HIDDEN, INPUTS)),
        ("hidden.bias", (HIDDEN,)),
        ("output.weight", (CLASSES, HIDDEN)),
        ("output.bias", (CLASSES,)),
    )
)  # 50,054 parameters
_SECONDS = 2.56  # of a window: 128 samples at 50 Hz
_GIVEN_AWAY = 0.99  # cosine from which a window counts as read; raw updates reach 1.000


def demonstration_plan(devices: int, noise_multiplier: float) -> Plan:
    """A plan for one sum of ``devices`` updates of the small perceptron."""
    study = Study.parse(
        '[study]\nname = "inversion"\ntask = "activity"\n',
        [
            "training.rounds=1",
            f"training.clients_per_round={devices}",
            "cohort.over_selection=1.0",
            f"cohort.survivors_floor={devices}",
            'aggregation.protocol="one-upload"',
            "privacy.mode=distributed",
            f"privacy.noise_multiplier={noise_multiplier}",
            "privacy.colluders=0",
        ],
    )
    return make_plan(study, people=devices, layout=LAYOUT)


def inversion(
    contribute: Contribute,
    *,
    source_of: SourceOf,
    devices: int = 50,
    noise_multiplier: float = 1.0,
) -> Inversion:
    """The attacker's best in each arm, for the device that the sum exposes most."""
    plan = demonstration_plan(devices, noise_multiplier)
    pipe = Pipe(plan, contribute)
    source = source_of(0, AUDITOR)
    windows = _windows(source, devices)
    updates = _updates(windows, source)
    summed = ring.total(
        (pipe.words(u, 1, source=Silent(source_of(0, who).read)) for who, u in enumerate(updates)),
        plan.counts.words,
    )
    noised = ring.total(
        (pipe.words(u, 1, source=source_of(0, who)) for who, u in enumerate(updates)),
        plan.counts.words,
    )
    unit = windows / np.linalg.norm(windows, axis=1, keepdims=True)
    decoded = pipe.decoded([summed], devices, 1)
    exposed = [_read("sum", decoded, true).cosine for true in unit]
    victim = int(np.argmax(exposed))
    true = unit[victim]
    arms = {
        "raw": updates[victim].astype(np.float64),
        "sum": decoded,
        "noised": pipe.decoded([noised], devices, 1),
    }
    return Inversion(
        channels=CHANNELS,
        samples=SAMPLES,
        devices=devices,
        noise_multiplier=noise_multiplier,
        mean_cosine_of_sum=float(np.mean(exposed)),
        random_cosine=float(np.max(np.abs(signs(source, HIDDEN, INPUTS) @ true)) / INPUTS**0.5),
        window=tuple(true.tolist()),
        arms=tuple(_read(name, update, true) for name, update in arms.items()),
    )


def finding(result: Inversion) -> Finding:
    """Passes where the raw update gives the window away, as it must, and the noised sum no more
    than as many random guesses do.
    """
    cosines = {arm.arm: arm.cosine for arm in result.arms}
    chance = HIDDEN * float(correlation_tail(cosines["noised"], INPUTS))
    return Finding(
        name="inversion",
        passed=cosines["raw"] > _GIVEN_AWAY and chance >= FALSE_ALARM,
        what=(
            f"From one raw update a window is read with cosine {cosines['raw']:.3f}, from the sum "
            f"of {result.devices} devices with {cosines['sum']:.3f} (their mean: "
            f"{result.mean_cosine_of_sum:.3f}), from that sum with noise of "
            f"{result.noise_multiplier:g} clips with {cosines['noised']:.3f}; the best of {HIDDEN} "
            f"random guesses reaches {result.random_cosine:.3f} (a demonstration, synthetic "
            "windows, a plan of its own)."
        ),
        numbers={f"cosine_{name}": value for name, value in cosines.items()}
        | {
            "cosine_random": result.random_cosine,
            "cosine_sum_mean": result.mean_cosine_of_sum,
        },
        claim=result.random_cosine,
        bound=cosines["noised"],
    )


def _windows(source: Source, devices: int) -> Floats:
    """Steps-like accelerations: shape (devices, INPUTS), each channel of mean 0 and deviation 1."""
    time = np.linspace(0, _SECONDS, SAMPLES, endpoint=False)
    cadence_hz = 1.4 + 0.9 * uniform(source, devices, 1, 1)
    phases = 2 * np.pi * uniform(source, devices, CHANNELS, 3, 1)
    heights = uniform(source, devices, CHANNELS, 3, 1)
    harmonics = np.arange(1, 4).reshape(3, 1)
    waves = heights * np.sin(2 * np.pi * cadence_hz[..., None] * harmonics * time + phases)
    signal = waves.sum(axis=2) + 0.3 * (uniform(source, devices, CHANNELS, SAMPLES) - 0.5)
    signal = signal - signal.mean(axis=2, keepdims=True)
    result: Floats = (signal / signal.std(axis=2, keepdims=True)).reshape(devices, INPUTS)
    return result


def _updates(windows: Floats, source: Source) -> list[Vector]:
    """One step of gradient descent on each window alone, from one model: new minus old."""
    hidden = (2 * uniform(source, HIDDEN, INPUTS) - 1) / math.sqrt(INPUTS)
    hidden_bias = (2 * uniform(source, HIDDEN) - 1) / math.sqrt(INPUTS)
    output = (2 * uniform(source, CLASSES, HIDDEN) - 1) / math.sqrt(HIDDEN)
    labels = (uniform(source, len(windows)) * CLASSES).astype(np.int64)
    found = []
    for window, label in zip(windows, labels, strict=True):
        before = hidden @ window + hidden_bias
        active = np.maximum(before, 0.0)
        logits = output @ active
        error = np.exp(logits - logits.max())
        error /= error.sum()
        error[label] -= 1
        delta = (output.T @ error) * (before > 0)
        gradients = {
            "hidden.weight": -np.outer(delta, window),
            "hidden.bias": -delta,
            "output.weight": -np.outer(error, active),
            "output.bias": -error,
        }
        found.append(LAYOUT.flatten({k: v.astype(np.float32) for k, v in gradients.items()}))
    return found


def _read(name: str, update: Floats, true: Floats) -> Reconstruction:
    """The attacker's best: each row of the weights over its bias, judged by the true window.

    Judging by the true window is more than an attacker can do, so this errs on the side of leaks.
    """
    weights = update[: HIDDEN * INPUTS].reshape(HIDDEN, INPUTS)
    bias = update[HIDDEN * INPUTS : HIDDEN * (INPUTS + 1)]
    usable = np.linalg.norm(weights, axis=1) > 0
    rows = weights[usable] * np.where(bias[usable] < 0, -1.0, 1.0)[:, None]
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = rows @ true
    best = int(np.argmax(np.abs(cosines)))
    sign = math.copysign(1.0, cosines[best])
    return Reconstruction(name, float(abs(cosines[best])), tuple((sign * rows[best]).tolist()))
