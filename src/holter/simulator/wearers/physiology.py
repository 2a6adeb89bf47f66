"""The synthetic person behind the sensors, and how a heart follows effort.

Every task draws its people here, so age, sex, fitness and device mean the same in all of
them. Nothing in this file is measured from anyone: the numbers are public averages with a
plausible spread, and a person is a draw from them.

Sources: highest heart rate 208 - 0.7 age, Tanaka, Monahan and Seals 2001. First-order
kinetics of the heart rate with a faster rise than fall: the usual textbook model. Resting
rate, circadian amplitude and walking cadence: ranges reported for healthy adults.

``Traits`` hold what only whole recordings need. They are drawn from the person's own numbers
and not from the dice that made them, so nothing that was drawn before them changes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

RISE_SECONDS = 45.0  # time constant when the heart speeds up; literature: 30 to 60 s
FALL_SECONDS = 90.0  # time constant when it slows down; literature: 60 to 120 s
HARMONICS = 4  # of the stride: arm swing, step, and two overtones
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney")
NON_RESPONDERS = 0.07  # people whose skin conductance hardly reacts; literature: 5 to 10 %


@dataclass(frozen=True)
class Traits:
    """What a whole recording needs to know of a person besides ``Physiology``.

    rmssd_ms: log-normal, about 40 at 30 years and 20 at 70. breaths_per_minute: 9 to 21 at
    rest. tonic_us: usual skin conductance, about 1 to 8. responds: whether skin conductance
    reacts. stress_bpm: what stress adds. pulse_delay_s: from the R peak to the wrist. fit: 0
    loose to 1 snug. pocket: the phone is carried in a trouser pocket, not at the waist.
    """

    zone: str
    rmssd_ms: float
    breaths_per_minute: float
    tonic_us: float
    responds: bool
    stress_bpm: float
    pulse_delay_s: float
    fit: float
    pocket: bool


@dataclass(frozen=True)
class Physiology:
    """One synthetic person.

    Ranges: age 18 to 88 years, bmi 17 to 45 kg/m2, fitness about -2 to 2 (standard scores),
    skin_tone 1 to 6 (Fitzpatrick; darker skin weakens optical sensors), heart rates in bpm,
    cadence in steps per second, left_wrist the side the device is worn on, harmonics shape
    (HARMONICS,) with mean near 1, acrophase the hour at which the daily heart-rate rhythm peaks.
    """

    age_years: float
    sex: str
    bmi: float
    fitness: float
    skin_tone: int
    device: str
    left_wrist: bool
    resting_bpm: float
    highest_bpm: float
    circadian_bpm: float
    acrophase_hour: float
    cadence_hz: float
    harmonics: Reals
    traits: Traits

    @property
    def strata(self) -> Mapping[str, str]:
        """The coarse public facts: device class, age band, sex, build, skin tone, time zone."""
        if self.age_years < 40:
            age = "under 40"
        elif self.age_years < 65:
            age = "40 to 64"
        else:
            age = "65 and over"
        bmi = "under 25" if self.bmi < 25 else "25 to 30" if self.bmi < 30 else "30 and over"
        return {
            "device": self.device,
            "age": age,
            "sex": self.sex,
            "bmi": bmi,
            "skin tone": ("I-II", "III-IV", "V-VI")[(self.skin_tone - 1) // 2],
            "zone": self.traits.zone,
        }

    @property
    def chronotype(self) -> str:
        """A morning person, an evening person, or neither: when the daily rhythm peaks."""
        if self.acrophase_hour < 14.5:
            return "morning"
        return "evening" if self.acrophase_hour > 16.5 else "neither"

    @property
    def optical_error(self) -> float:
        """How much worse than usual an optical heart rate is here: 0.8 to about 1.8."""
        return 0.8 + 0.1 * (self.skin_tone - 1) + 0.02 * max(0.0, self.bmi - 25.0)

    def circadian(self, hour: Reals | float) -> Reals:
        """Daily rhythm of the heart rate in bpm around its mean; hour is 0 to 24, any shape."""
        angle = (np.asarray(hour, dtype=np.float64) - self.acrophase_hour) * (math.tau / 24.0)
        return np.asarray(self.circadian_bpm * np.cos(angle), dtype=np.float64)


def draw_physiology(random: np.random.Generator, devices: Mapping[str, float]) -> Physiology:
    """A synthetic person who wears one of ``devices`` (name to share; the shares sum to 1)."""
    uniform = random.random(6)
    normal = random.standard_normal(8)
    age = 18.0 + 70.0 * float(uniform[0]) ** 1.3
    woman = uniform[1] < 0.5
    fitness = float(np.clip(normal[0] - 0.012 * (age - 45.0), -2.5, 2.5))
    bmi = float(np.clip(26.0 - 1.2 * fitness + 4.0 * normal[1], 17.0, 45.0))
    resting = 65.0 - 4.0 * fitness + (2.5 if woman else 0.0) + 5.0 * float(normal[2])
    cadence = 1.85 + (0.05 if woman else 0.0) - 0.003 * (age - 45.0) + 0.10 * float(normal[3])
    names = tuple(devices)
    at = int(np.searchsorted(np.cumsum(list(devices.values())), uniform[2], side="right"))
    return Physiology(
        age_years=age,
        sex="female" if woman else "male",
        bmi=bmi,
        fitness=fitness,
        skin_tone=1 + int(6 * uniform[3]),
        device=names[min(at, len(names) - 1)],
        left_wrist=bool(uniform[4] < 0.75),
        resting_bpm=float(np.clip(resting, 42.0, 92.0)),
        highest_bpm=208.0 - 0.7 * age + 6.0 * float(np.clip(normal[4], -2.0, 2.0)),
        circadian_bpm=3.0 + 5.0 * float(uniform[5]),
        acrophase_hour=15.5 + 1.5 * float(normal[5]),
        cadence_hz=float(np.clip(cadence, 1.45, 2.25)),
        harmonics=np.exp(0.25 * random.standard_normal(HARMONICS)),
        traits=_traits(age, fitness, normal),
    )


def _traits(age: float, fitness: float, normal: Reals) -> Traits:
    """Further properties of the person whom ``normal`` made: the same person, the same traits.

    RMSSD by age: the medians that reviews of healthy adults give fall from about 40 ms at 30
    to about 20 ms at 70 (log-normal across people). Breathing 15 a minute, SD 2.5.
    """
    source = np.random.SeedSequence(normal.view(np.uint64).tolist())
    random = np.random.Generator(np.random.PCG64(source))
    uniform = random.random(4)
    scores = random.standard_normal(6)
    responds = bool(uniform[1] >= NON_RESPONDERS)
    return Traits(
        zone=ZONES[int(len(ZONES) * uniform[0])],
        rmssd_ms=math.exp(
            math.log(40.0) - 0.016 * (age - 30.0) + 0.10 * fitness + 0.35 * float(scores[0])
        ),
        breaths_per_minute=float(np.clip(15.0 + 2.5 * scores[1], 9.0, 21.0)),
        tonic_us=(2.6 if responds else 0.6) * math.exp(0.5 * float(scores[2])),
        responds=responds,
        stress_bpm=7.0 * math.exp(0.5 * float(scores[3])),
        pulse_delay_s=float(np.clip(0.24 - 0.0008 * (age - 45.0) + 0.02 * scores[4], 0.15, 0.33)),
        fit=float(uniform[2]),
        pocket=bool(uniform[3] < 0.5),
    )


def settle(start_bpm: float, target_bpm: float, seconds: float) -> float:
    """The heart rate ``seconds`` after the target changed: first order, no overshoot."""
    constant = RISE_SECONDS if target_bpm > start_bpm else FALL_SECONDS
    return target_bpm + (start_bpm - target_bpm) * math.exp(-seconds / constant)


def follow(target_bpm: Reals, step_seconds: float) -> Reals:
    """The heart rate that lags behind ``target_bpm``, shape (n,), one value every step.

    It starts settled at the first target. Edges: an empty target gives an empty answer.
    """
    rise = 1.0 - math.exp(-step_seconds / RISE_SECONDS)
    fall = 1.0 - math.exp(-step_seconds / FALL_SECONDS)
    rates = []
    now = float(target_bpm[0]) if len(target_bpm) else 0.0
    for target in target_bpm.tolist():
        now += (target - now) * (rise if target > now else fall)
        rates.append(now)
    return np.array(rates, dtype=np.float64)


def wandering(random: np.random.Generator, rows: int, samples: int, slope: float) -> Reals:
    """Noise whose power falls as 1 / frequency^slope: shape (rows, samples), rms 1, mean 0.

    ``samples`` is at least 2; slope 0 is white, 1 is the 1/f of slow body movements.
    """
    bins = samples // 2
    weight = np.arange(1, bins + 1, dtype=np.float64) ** (-slope / 2.0)
    spectrum = np.zeros((rows, bins + 1), dtype=np.complex128)
    parts = random.standard_normal((rows, bins, 2)).view(np.complex128)[..., 0]
    spectrum[:, 1:] = parts * weight
    power = 4.0 * float(np.sum(weight**2))
    return np.fft.irfft(spectrum, n=samples, axis=1) * (samples / math.sqrt(power))


def bounded_choice(share: Reals, uniform: float) -> int:
    """The index that a uniform number in [0, 1) picks from ``share``, which sums to 1."""
    return min(int(np.searchsorted(np.cumsum(share), uniform, side="right")), len(share) - 1)
