"""The adaptor to dp-accounting: the one place of the package that imports it.

``epsilon_of_event`` asks the library for one number under a stated adjacency, and refuses
where the library has no bound. Two traps are closed here. A cohort of fixed size is never
accounted for by the formula of Poisson sampling: it has a Renyi bound under replacement alone,
and another question about it is an error, not an approximation. And the library's Renyi
accountant does not look at the adjacency of most events: under replacement it would answer
with the number for adding a person, half of what is due. ``accountant`` builds on this module.

The import lies inside functions: it takes a second, and most commands never ask for an
epsilon.

Sources: Mironov 2017, arXiv 1702.07476 (Renyi DP); Canonne, Kamath, Steinke 2020, arXiv
2004.00010, Proposition 12 (its conversion); Koskela, Jalko, Honkela 2020, arXiv 1906.03049
(privacy loss distributions).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dp_accounting.dp_event import DpEvent
    from dp_accounting.privacy_accountant import PrivacyAccountant

LOSS_STEP = 1e-4  # of a privacy loss distribution, in epsilon; the library's own default


class Adjacency(Enum):
    """Which two worlds are compared. The value is the library's name of the relation."""

    ADD_OR_REMOVE = "ADD_OR_REMOVE_ONE"
    ZERO_OUT = "REPLACE_SPECIAL"  # a person takes part with nothing
    REPLACE = "REPLACE_ONE"  # doubles the sensitivity of a Gaussian sum


class Method(Enum):
    """How an event becomes an epsilon."""

    PLD = "privacy loss distribution"  # numerical composition, from above
    RENYI = "Renyi conversion"


class NotAccountable(ValueError):
    """There is no bound for this event under this adjacency by this method."""


def epsilon_of_event(
    event: DpEvent,
    delta: float,
    *,
    adjacency: Adjacency,
    method: Method,
    loss_step: float = LOSS_STEP,
) -> float:
    """The epsilon of a dp-accounting event at ``delta``; infinite where nothing is protected.

    delta: in (0, 1). loss_step: grid of the privacy loss, used by Method.PLD alone. A noise
    multiplier is over the L2 clip of one person, except in sampling without replacement, where
    the library means the sensitivity of replacement, twice the clip: build those events with
    ``fixed_size_gaussian``. A rho (ZCDpEvent) is taken as of the adjacency named. Raises
    NotAccountable where the library has no bound: sampling without replacement under anything
    but Adjacency.REPLACE and Method.RENYI, most other events under those two, trees under
    anything but ZERO_OUT, and others. ValueError for a delta outside its range.
    """
    from dp_accounting import UnsupportedEventError

    check_delta(delta)
    if adjacency is Adjacency.REPLACE and method is Method.RENYI and not _knows_replacement(event):
        raise NotAccountable(
            "dp-accounting's Renyi accountant takes no notice of replacement here and would report "
            "half of the loss; use the privacy loss distribution, or twice the sensitivity"
        )
    accountant = _accountant(adjacency, method, loss_step)
    try:
        accountant.compose(event)
    except UnsupportedEventError as error:
        raise NotAccountable(
            f"dp-accounting has no {method.value} of {type(event).__name__} under "
            f"{adjacency.name}; name an adjacency it has a bound for, never another sampling"
        ) from error
    return float(accountant.get_epsilon(delta))


def epsilon_at_orders(orders: Sequence[float], renyi: Sequence[float], delta: float) -> float:
    """The epsilon at ``delta`` of a Renyi curve. renyi: divergence at each of ``orders`` (> 1).

    Guarantees: the smallest epsilon over these orders alone, so fewer orders never give less.
    """
    from dp_accounting import rdp

    check_delta(delta)
    epsilon, _ = rdp.compute_epsilon(orders, renyi, delta)
    return float(epsilon)


def gaussian(noise_multiplier: float) -> DpEvent:
    """One Gaussian sum. noise_multiplier: standard deviation over the L2 clip of one person."""
    from dp_accounting import dp_event

    return dp_event.GaussianDpEvent(noise_multiplier)


def fixed_size_gaussian(population: int, cohort: int, noise_multiplier: float) -> DpEvent:
    """One Gaussian sum over a cohort of fixed size, drawn evenly without replacement.

    noise_multiplier: standard deviation over the L2 clip of one person. Guarantees: its epsilon
    under Adjacency.REPLACE holds. The library's bound counts in units of the sensitivity of
    replacement, 2 clips, so the multiplier is halved here; unhalved, the result can lie below
    the true epsilon (at a multiplier of 4, from a tenth of the population on). Source: Wang, Balle,
    Kasiviswanathan 2018, arXiv 1808.00087, Theorem 27.
    """
    from dp_accounting import dp_event

    halved = dp_event.GaussianDpEvent(noise_multiplier / 2)
    return dp_event.SampledWithoutReplacementDpEvent(population, cohort, halved)


def zero_concentrated(rho: float) -> DpEvent:
    """Anything that is ``rho``-zCDP."""
    from dp_accounting import dp_event

    return dp_event.ZCDpEvent(rho)


def check_delta(delta: float) -> None:
    """Raises ValueError unless 0 < delta < 1."""
    if not 0 < delta < 1:
        raise ValueError(f"delta must lie between 0 and 1, not {delta:g}")


def _knows_replacement(event: DpEvent) -> bool:
    """Whether the library's Renyi accountant gives this event its loss under replacement."""
    from dp_accounting import dp_event

    match event:
        case dp_event.SelfComposedDpEvent():
            return _knows_replacement(event.event)
        case dp_event.ComposedDpEvent():
            return all(_knows_replacement(part) for part in event.events)
    return isinstance(
        event,
        dp_event.SampledWithoutReplacementDpEvent
        | dp_event.RandomizedResponseDpEvent
        | dp_event.ZCDpEvent
        | dp_event.NoOpDpEvent
        | dp_event.NonPrivateDpEvent,
    )


def _accountant(adjacency: Adjacency, method: Method, loss_step: float) -> PrivacyAccountant:
    from dp_accounting import NeighboringRelation, pld, rdp

    relation = NeighboringRelation[adjacency.value]
    if method is Method.PLD:
        return pld.PLDAccountant(
            neighboring_relation=relation, value_discretization_interval=loss_step
        )
    return rdp.RdpAccountant(neighboring_relation=relation)
