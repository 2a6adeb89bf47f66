"""From a promise to integers: lane, grid and noise share of a plan, and what to expect.

Both sides compute this from the plan and compare, so no coordinator can name a weaker
grid. The rule (privacy.md 8 of the design): the narrowest lane in which the clip keeps at
least 95 % of its length after rounding, and in that lane the largest grid, such that a sum
of all who may survive, noise included, leaves its lane with probability below 2^-20.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from holter.algebra.lanes import LANES_BY_BITS
from holter.privacy import correlated, matrix
from holter.privacy.accountant import rho_of_shares
from holter.privacy.clipping import target_norm
from holter.privacy.discrete_gaussian import LARGEST_SIGMA, LARGEST_WIDE_SIGMA

LEAST_KEEP = 0.95  # of the clip that must remain after room for rounding is left
LEAST_SIGMA = 8  # grid steps of one share: below, rounding error and lattice effects show
WRAP_PROBABILITY = 2.0**-20  # of a whole round, by any coordinate
CENTRAL_DRAWS = 2  # the helper adds all of the noise, and so does the leader
BYTE_LIMIT = 127  # the largest entry of a signed byte that has a negative of its own
_FINEST_CORRELATED = 1 << 16  # grid steps in the clip: finer gains nothing, and keeps sums small
PLAIN_COORDINATE_LIMIT = 8.0  # without privacy: no entry of an update is larger in our models


@dataclass(frozen=True)
class Grid:
    """How reals become lanes. ``scale``: grid steps per unit of the update, at the plan's clip.

    norm_limit: D, the exact integer L2 bound, or None without privacy. coordinate_limit: q,
    the clamp of one entry in grid steps. Of the three kinds of noise a plan has one at most:
    share_variance: of one device's noise, grid steps squared. central_variance: of the noise
    that helper and leader each add to a sum. correlated_variance: of one row of the server's
    noise, in units of 2^-COEFFICIENT_BITS grid steps, squared (``correlated``).
    """

    lane_bits: int
    scale: float
    norm_limit: int | None
    coordinate_limit: int
    share_variance: int = 0
    central_variance: int = 0
    correlated_variance: int = 0


class OutOfReach(ValueError):
    """No lane carries such a sum: the message says what would."""


def noiseless_grid(largest_sum: int) -> Grid:
    """32-bit lanes for sums of up to ``largest_sum`` updates with entries within +-8."""
    limit = (2**31 - 1) // largest_sum
    return Grid(32, limit / PLAIN_COORDINATE_LIMIT, None, limit)


def byte_grid(largest_sum: int, largest_entry: float) -> Grid:
    """A byte an entry, without noise: the narrowest lane that a sum of ``largest_sum`` such
    entries cannot leave; 16 bits for cohorts to 256. Raises OutOfReach.
    """
    for lane_bits in sorted(LANES_BY_BITS):
        if largest_sum * BYTE_LIMIT < 2 ** (lane_bits - 1):
            return Grid(lane_bits, BYTE_LIMIT / largest_entry, None, BYTE_LIMIT)
    raise OutOfReach(f"no lane carries a sum of {largest_sum} updates of a byte an entry")


def noisy_grid(
    *,
    clip: float,
    noise_multiplier: float,
    largest_sum: int,
    honest_shares: int | None,
    coordinates: int,
    update_share: float = 1.0,
) -> Grid:
    """The grid for updates clipped to ``clip`` with noise of ``noise_multiplier`` * clip on a sum.

    honest_shares: survivors' floor less colluders, for which the devices' shares are sized; None
    where helper and leader each add all of the noise. update_share: of the squared norm limit
    (``joint``). Raises OutOfReach where no lane works.
    """
    tail = NormalDist().inv_cdf(1 - WRAP_PROBABILITY / 2 / coordinates)
    share = noise_multiplier / math.sqrt(honest_shares or 1)  # sigma of one draw over D
    draws = largest_sum if honest_shares else CENTRAL_DRAWS  # of noise in the largest sum
    if share * 2**31 < LEAST_SIGMA:  # the widest lane's finest grid would not show it
        raise OutOfReach(f"no lane shows noise of {noise_multiplier:.3g} times the clip: use more")
    for lane_bits in sorted(LANES_BY_BITS):
        room = 2 ** (lane_bits - 1) - 1
        norm_limit = int(room / (largest_sum + tail * share * math.sqrt(draws)))
        norm_limit = min(norm_limit, int((LARGEST_SIGMA - 1) / share))
        while norm_limit > 0:  # the variance is rounded up, which may take the last step too far
            variance = math.ceil((noise_multiplier * norm_limit) ** 2 / (honest_shares or 1))
            if largest_sum * norm_limit + tail * math.sqrt(draws * variance) <= room:
                break
            norm_limit -= 1
        if norm_limit < 1 or norm_limit * share < LEAST_SIGMA:
            continue
        if _too_coarse(norm_limit, coordinates):
            continue
        scale = norm_limit * math.sqrt(update_share) / clip
        if honest_shares:
            return Grid(lane_bits, scale, norm_limit, norm_limit, share_variance=variance)
        return Grid(lane_bits, scale, norm_limit, norm_limit, central_variance=variance)
    raise OutOfReach(
        f"no lane carries a sum of {largest_sum} updates of {coordinates} parameters under "
        f"a noise multiplier of {noise_multiplier:.3g}: use fewer parameters, a larger "
        "survivors_floor or a larger epsilon"
    )


def _too_coarse(norm_limit: int, coordinates: int) -> bool:
    return target_norm(norm_limit, coordinates) < LEAST_KEEP * norm_limit


def correlated_grid(
    *,
    clip: float,
    noise_multiplier: float,
    largest_sum: int,
    coordinates: int,
    bands: int,
    update_share: float = 1.0,
) -> Grid:
    """The grid where the server adds correlated noise to an opened sum: lanes hold no noise.

    The noise of a row is noise_multiplier * D, whatever the bands; they set its price. Raises
    OutOfReach.
    """
    for lane_bits in sorted(LANES_BY_BITS):
        norm_limit = (2 ** (lane_bits - 1) - 1) // largest_sum
        norm_limit = min(norm_limit, _FINEST_CORRELATED)
        if norm_limit < 1 or _too_coarse(norm_limit, coordinates):
            continue
        fine = noise_multiplier * norm_limit * 2**matrix.COEFFICIENT_BITS
        if fine > LARGEST_WIDE_SIGMA - 1:
            raise OutOfReach(f"no sampler draws noise of {noise_multiplier:.3g} times the clip")
        return Grid(
            lane_bits,
            norm_limit * math.sqrt(update_share) / clip,
            norm_limit,
            norm_limit,
            correlated_variance=math.ceil(fine**2),
        )
    raise OutOfReach(
        f"no lane carries a sum of {largest_sum} updates of {coordinates} parameters: use fewer "
        "parameters or a smaller cohort"
    )


def rho_per_participation(
    grid: Grid, *, honest_shares: int, coordinates: int, bands: int = 1
) -> float:
    """rho that one device spends by taking part once, from the integers really used."""
    if grid.norm_limit is None:
        raise ValueError("a grid without noise spends no accountable privacy")
    if grid.correlated_variance:
        coefficients = matrix.on_grid(matrix.square_root(bands))
        return correlated.rho_per_participation(
            grid.norm_limit, coefficients, grid.correlated_variance
        )
    if grid.central_variance:  # one whole draw covers the sum: helper's or leader's
        return rho_of_shares(grid.norm_limit, grid.central_variance, 1, coordinates)
    return rho_of_shares(grid.norm_limit, grid.share_variance, honest_shares, coordinates)


def noise_deviation(grid: Grid, *, survivors: int) -> float:
    """Standard deviation of one coordinate of a noised sum of ``survivors``, grid steps.

    Of correlated noise: that of a row, before the strategy is taken off.
    """
    unit = 2.0**-matrix.COEFFICIENT_BITS
    return math.sqrt(
        survivors * grid.share_variance
        + CENTRAL_DRAWS * grid.central_variance
        + grid.correlated_variance * unit**2
    )


def signal_to_noise(
    grid: Grid,
    *,
    survivors: int,
    coordinates: int,
    update_share: float = 1.0,
    equivalent: float = 1.0,
) -> float:
    """Forecast: norm of a mean of aligned, clipped updates over the norm of its noise.

    survivors: over all sums of the round. equivalent: what correlated noise does
    to running sums of rounds, as a factor on independent noise (``matrix.equivalent_multiplier``).
    Below 0.3 a round teaches next to nothing; 1 and more learns well. Real updates are not
    aligned, so this is an upper bound on what to hope for.
    """
    noise = noise_deviation(grid, survivors=survivors) * equivalent
    if grid.norm_limit is None or noise == 0:
        return math.inf
    signal = survivors * target_norm(grid.norm_limit, coordinates) * math.sqrt(update_share)
    return signal / (noise * math.sqrt(coordinates))
