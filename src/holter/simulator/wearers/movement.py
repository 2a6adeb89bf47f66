"""What an accelerometer and a gyroscope feel on a synthetic body, from its plan of the day.

``move`` brings the plan to a slow grid of 8 Hz (where up is, how large fidgeting, bounce and swing
are, the phase of the stride); ``acceleration`` and ``turning`` bring that to a sensor's own
moments and add gravity, gait harmonics, fidgeting and falls. The constants are those of
``activity``, for a wrist; ``places`` says how a trunk or a thigh scales them.

Falls: a dip while falling, a sharp impact, then lying still. Sizes after staged falls at the
waist, where published peaks lie between about 3 and 8 g.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len

from holter.simulator.wearers import activity
from holter.simulator.wearers.day import (
    IMPACT_AFTER,
    LIE,
    NOT_IN_BED,
    STATES,
    WAKE,
    Day,
)
from holter.simulator.wearers.physiology import HARMONICS, Physiology, Reals
from holter.simulator.wearers.places import BOUNCE_G, CADENCE, FIDGET_G, PLACES, SWING_G, Place

Floats = npt.NDArray[np.float32]

GRID_HZ = 8.0
TURN_SECONDS = 1.0  # a change of posture takes about this long
STIR_SECONDS = 3.0  # fidgeting comes and goes over this time
LOWEST_FIDGET_HZ = 1.0 / 2.56  # slower movements are postures; as in ``activity``, by window
ASLEEP_FIDGET = 0.12  # relative to lying awake
FIDGET_DPS_PER_G = 150.0  # turning that goes with fidgeting


@dataclass(frozen=True)
class Movement:
    """A body part through a recording, on a grid of GRID_HZ from 0 s.

    up: shape (n, 3), unit length. sizes: shape (n, 3), of fidgeting, bounce and swing in g.
    stride: shape (n,), strides so far. start: shape (HARMONICS,), radians. falls: rows of
    (impact time in s, size in g, x, y, z, beginning of the dip in s).
    """

    place: Place
    up: Reals
    sizes: Reals
    stride: Reals
    start: Reals
    harmonics: Reals
    falls: Reals


def move(random: np.random.Generator, body: Physiology, day: Day, where: str) -> Movement:
    """How the body part ``where`` (of PLACES) moves through the day."""
    place = PLACES[where]
    grid = np.arange(int(day.seconds * GRID_HZ) + 2) / GRID_HZ
    bout = day.bout_at(grid)
    bouts, states = len(day.state), len(STATES)
    habit = place.up + place.spread * random.standard_normal(place.up.shape)
    first = random.beta(*activity.FIRST_POSITION, states)
    position = (random.random(bouts) > first[day.state]).astype(np.int64)
    usual = habit[day.state, position] + activity.BOUT_SPREAD * random.standard_normal((bouts, 3))
    vigour = np.exp(0.20 * random.standard_normal((2, states)))[:, day.state]
    vigour *= np.exp(0.15 * random.standard_normal((2, bouts)))
    busy = 1.0 if body.left_wrist else 1.3
    stir = busy * np.exp(0.3 * random.standard_normal(bouts))
    own_cadence = body.cadence_hz * CADENCE * (1.0 + 0.03 * random.standard_normal(states))
    stride_hz = 0.5 * own_cadence[day.state] * (1.0 + 0.03 * random.standard_normal(bouts))

    knots = np.arange(0.0, day.seconds + 2.0 * STIR_SECONDS, STIR_SECONDS)
    noise = random.standard_normal((4, len(knots)))
    posed = bout.copy()
    for impact in day.impacts:  # up to the ground in the old posture, after it in the new one
        falling = day.bout_at(np.array([impact]))[0]
        posed[bout == falling] = falling + 1
        posed[(bout == falling) & (grid < impact - 0.25)] = max(falling - 1, 0)
    posture = usual[posed]
    for axis in range(3):
        posture[:, axis] += activity.WINDOW_SPREAD * np.interp(grid, knots, noise[axis])
    posture = _smooth(posture)
    up = posture / np.linalg.norm(posture, axis=1, keepdims=True)

    state = day.state[bout]
    fidget = (FIDGET_G[day.state] * stir)[bout] * np.exp(0.7 * np.interp(grid, knots, noise[3]))
    if (day.stage != NOT_IN_BED).any():
        stage = day.stage[np.minimum(grid.astype(np.int64), day.seconds - 1)]
        tossing = np.convolve(random.random(len(grid)) < 0.0006, np.ones(int(6 * GRID_HZ)))
        asleep = (stage != NOT_IN_BED) & (stage != WAKE) & (state == LIE)
        fidget *= np.where(asleep, ASLEEP_FIDGET + 5.0 * tossing[: len(grid)], 1.0)
    sizes = np.stack(
        [
            place.fidget * fidget,
            (place.bounce * BOUNCE_G[day.state] * vigour[0])[bout],
            (place.swing * SWING_G[day.state] * vigour[1])[bout],
        ],
        axis=1,
    )
    falls = np.array(
        [
            (
                impact,
                place.impact_g * math.exp(0.3 * float(random.standard_normal())),
                *(random.standard_normal(3) * (0.6, 0.6, 0.6) + usual[min(b + 1, bouts - 1)]),
                impact - 0.30 - 0.15 * float(random.random()),
            )
            for impact, b in ((i, int(day.bout_at(np.array([i]))[0])) for i in day.impacts)
        ]
    ).reshape(-1, 6)
    return Movement(
        place,
        up,
        _smooth(sizes),
        np.cumsum(stride_hz[bout]) / GRID_HZ,
        math.tau * random.random(HARMONICS),
        body.harmonics,
        falls,
    )


def acceleration(random: np.random.Generator, moved: Movement, second: Reals) -> Floats:
    """Acceleration in g at evenly spaced moments, gravity included: shape (3, n)."""
    part = _at(moved, second)
    up = part[:3]
    felt = _fidgeting(random, len(second), second)
    felt *= part[3]
    felt += up
    gait = np.flatnonzero(part[4] > 1e-4)
    if len(gait):
        wave = _gait(moved, part[6, gait])
        bounce = part[4, gait] * (wave[1] + np.float32(0.4) * wave[3])
        swing = part[5, gait] * (wave[0] + np.float32(0.3) * wave[2])
        upward = [up[axis, gait] for axis in range(3)]
        for axis, sideways in enumerate(_across(upward, moved.place.aside)):
            felt[axis, gait] += bounce * upward[axis] + swing * sideways
    for impact, size, x, y, z, dip in moved.falls.tolist():
        _fall(felt, second, impact, size, (x, y, z), dip)
    return felt


def turning(random: np.random.Generator, moved: Movement, second: Reals) -> Floats:
    """Turning rate in degrees a second at evenly spaced moments: shape (3, n)."""
    part = _at(moved, second)
    rate = np.gradient(moved.up, 1.0 / GRID_HZ, axis=0)
    turn = np.degrees(np.cross(moved.up, rate)).astype(np.float32)
    felt = _between(np.ascontiguousarray(turn.T), second)
    felt += (np.float32(FIDGET_DPS_PER_G) * part[3]) * _fidgeting(random, len(second), second)
    gait = np.flatnonzero(part[5] > 1e-4)
    if len(gait):
        wave = _gait(moved, part[6, gait])
        size = np.float32(moved.place.swing_dps / moved.place.swing) * part[5, gait]
        felt[0, gait] += size * (wave[0] + np.float32(0.4) * wave[1])
        felt[1, gait] += size * (np.float32(0.6) * wave[0] - np.float32(0.2) * wave[2])
        felt[2, gait] += np.float32(0.4) * size * wave[1]
    return felt


def _smooth(rows: Reals) -> Reals:
    """A running mean over TURN_SECONDS, so that nothing changes at once: same shape."""
    width = int(TURN_SECONDS * GRID_HZ)
    padded = np.concatenate([np.repeat(rows[:1], width, axis=0), rows])
    total = np.cumsum(padded, axis=0)
    return np.asarray((total[width:] - total[:-width]) / width)


def _between(rows: Floats, second: Reals) -> Floats:
    """Rows (columns, grid) at other moments, linear; the nearest outside: (columns, n)."""
    place = np.clip(second * GRID_HZ, 0.0, rows.shape[1] - 1.001)
    left = place.astype(np.int64)
    share = (place - left).astype(np.float32)
    answer = np.empty((len(rows), len(second)), dtype=np.float32)
    for row, out in zip(rows, answer, strict=True):
        rise = np.append(np.diff(row), np.float32(0.0))
        np.multiply(rise[left], share, out=out)
        out += row[left]
    return answer


def _at(moved: Movement, second: Reals) -> Floats:
    """Rows up (3), fidget, bounce, swing, strides, at each moment: shape (7, n)."""
    rows = np.concatenate([moved.up.T, moved.sizes.T, moved.stride[None]])
    return _between(rows.astype(np.float32), second)


def _gait(moved: Movement, stride: Floats) -> Floats:
    """Sines of the stride and its overtones with the person's weights: (HARMONICS, n)."""
    order = np.arange(1, HARMONICS + 1, dtype=np.float32)[:, None]
    angle = np.float32(math.tau) * (order * (stride % np.float32(1.0)))
    angle += moved.start.astype(np.float32)[:, None]
    return np.asarray(np.sin(angle) * moved.harmonics.astype(np.float32)[:, None])


def _across(up: list[Floats], aside: tuple[float, float, float]) -> tuple[Floats, Floats, Floats]:
    """The cross product of ``up`` with ``aside``, one array an axis."""
    a, b, c = (np.float32(part) for part in aside)
    x, y, z = up
    return y * c - z * b, z * a - x * c, x * b - y * a


def _fidgeting(random: np.random.Generator, samples: int, second: Reals) -> Floats:
    """Noise with power as 1 / f^1.2 above LOWEST_FIDGET_HZ, rms 1: shape (3, samples)."""
    if samples < 2:
        return np.zeros((3, samples), dtype=np.float32)
    rate_hz = (samples - 1) / max(float(second[-1] - second[0]), 1e-9)
    length = next_fast_len(max(samples, 64), real=True)
    frequency = np.arange(length // 2 + 1) * (rate_hz / length)
    weight = np.zeros(len(frequency))
    quick = frequency >= LOWEST_FIDGET_HZ
    weight[quick] = frequency[quick] ** -0.6
    scale = length / math.sqrt(max(4.0 * float(np.sum(weight**2)), 1e-30))
    parts = random.standard_normal((3, len(weight), 2), dtype=np.float32).view(np.complex64)[..., 0]
    spectrum = parts * (scale * weight).astype(np.float32)
    return np.asarray(irfft(spectrum, n=length, axis=1)[:, :samples], dtype=np.float32)


def _fall(
    felt: Floats,
    second: Reals,
    impact: float,
    size_g: float,
    direction: tuple[float, float, float],
    dip: float,
) -> None:
    """Enter one fall into ``felt``: a dip until the impact, a spike and its ringing."""
    first, last = np.searchsorted(second, [impact - IMPACT_AFTER, impact + 1.0])
    time = second[first:last] - impact
    if not len(time):
        return
    rise = np.clip((time + impact - dip) / 0.12, 0.0, 1.0)
    falling = rise * np.clip(-time / 0.05, 0.0, 1.0)
    felt[:, first:last] *= (1.0 - 0.75 * falling).astype(np.float32)
    spike = np.exp(-0.5 * ((time - 0.02) / 0.028) ** 2)
    ringing = (time > 0.02) * np.exp(-(time - 0.02) / 0.12) * np.sin(math.tau * 9.0 * (time - 0.02))
    length = math.sqrt(sum(part * part for part in direction)) or 1.0
    for axis, part in enumerate(direction):
        felt[axis, first:last] += (size_g * (spike + 0.25 * ringing) * part / length).astype(
            np.float32
        )
