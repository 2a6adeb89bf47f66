"""Where on the body a device sits, and how that place moves in each state of a plan.

The wrist is that of ``activity``: the same postures, sizes of fidgeting, bounce and swing, and
cadence. Other places scale them. Frames: of a forearm, see ``activity``; of a trunk or thigh, y
points up in a standing person and z forwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from holter.simulator.wearers import activity
from holter.simulator.wearers.physiology import Reals

# As in ``activity``, with transport and falling added.
FIDGET_G = np.append(activity.FIDGET_G, (0.035, 0.120))
BOUNCE_G = np.append(activity.BOUNCE_G, (0.0, 0.0))
SWING_G = np.append(activity.SWING_G, (0.0, 0.0))
CADENCE = np.append(activity.CADENCE, (0.0, 0.0))


@dataclass(frozen=True)
class Place:
    """Where on the body: usual directions of up, and how it moves relative to a wrist.

    up: shape (STATES, 2, 3). spread: how far habits stray. swing_dps: turning at the stride in
    degrees a second, per g of ``activity.SWING_G``. aside: the swing's axis is across this.
    """

    up: Reals
    spread: float
    fidget: float
    bounce: float
    swing: float
    swing_dps: float
    impact_g: float
    aside: tuple[float, float, float]


def _postures(rows: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...]) -> Reals:
    return np.array(rows, dtype=np.float64)


_WRIST = np.concatenate([activity.POSTURES, activity.POSTURES[1:2], activity.POSTURES[2:3]])
_TRUNK = _postures(
    (
        ((0.05, 0.10, 1.00), (0.95, 0.10, 0.25)),  # lie: on the back; on a side
        ((0.00, 0.95, 0.25), (0.05, 0.85, 0.50)),  # sit: upright; leaning back
        ((0.00, 1.00, 0.05), (0.10, 0.98, 0.15)),  # stand
        ((0.00, 1.00, -0.05), (0.05, 0.98, -0.15)),  # walk
        ((0.00, 0.98, -0.15), (0.05, 0.96, -0.25)),  # stairs
        ((0.00, 0.98, -0.20), (0.05, 0.96, -0.28)),  # run
        ((0.00, 0.92, 0.35), (0.05, 0.85, 0.50)),  # transport
        ((0.00, 1.00, 0.05), (0.10, 0.98, 0.15)),  # fall: until the posture turns
    )
)
_THIGH = _TRUNK.copy()
_THIGH[[1, 6]] = [[0.10, 0.15, 0.98], [0.25, 0.30, 0.90]]  # seated, a thigh is level

PLACES: Mapping[str, Place] = {
    "wrist": Place(_WRIST, activity.HABIT_SPREAD, 1.0, 1.0, 1.0, 260.0, 3.0, (0.0, 0.45, 0.90)),
    "finger": Place(_WRIST, activity.HABIT_SPREAD, 1.2, 0.9, 1.1, 300.0, 3.0, (0.0, 0.45, 0.90)),
    "chest": Place(_TRUNK, 0.10, 0.5, 1.3, 0.35, 100.0, 4.2, (1.0, 0.0, 0.3)),
    "waist": Place(_TRUNK, 0.12, 0.5, 1.4, 0.45, 120.0, 4.2, (1.0, 0.0, 0.3)),
    "pocket": Place(_THIGH, 0.18, 0.6, 1.4, 0.90, 400.0, 3.8, (1.0, 0.0, 0.2)),
}
