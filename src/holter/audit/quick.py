"""All audits of one plan in order, well within a minute on one core.

Whole rounds of zero updates are drawn once and shared by the audits of the noise: with the exact
sources where each draw is looked at, and, if faster ones are given, more of them for the sum alone.
The sum is then known to 0.16 % (200,000 coordinates), else to 0.32 %; of very small models to
less, since there the number of contributions costs time. Of large models in large cohorts faster
sources are needed, and not every device's draw is looked at. Every finding states its numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from holter.audit import noise_scale
from holter.audit.canaries import canary_game, one_shot
from holter.audit.finding import AuditReport, Finding
from holter.audit.floor import Opens, floor
from holter.audit.inversion import finding as inversion_finding
from holter.audit.inversion import inversion
from holter.audit.membership import Losses, membership
from holter.audit.pipe import AUDITOR, Contribute, Pipe, SourceOf
from holter.audit.sampler_fit import DRAWS, sampler_fit
from holter.audit.sensitivity import sensitivity
from holter.audit.whiteness import whiteness
from holter.audit.zero_rounds import collect
from holter.rounds import pipeline
from holter.rounds.plan import Plan

EXACT_COORDINATES = 50_000  # of sums, at least: 2 % of sigma are 6.3 standard errors
FAST_COORDINATES = 200_000  # of sums, with faster sources: 1 % are
_FLOOR_COORDINATES = 10_000  # at each count of survivors above the floor
_ABOVE_FLOOR = (1, 4)  # survivors more than the floor that are tried too


@dataclass(frozen=True)
class _Limit:
    """What may be drawn at most: calls cost time in small models, draws in large ones."""

    contributions: int
    draws: int

    def times(self, effort: int) -> _Limit:
        """So many times as much."""
        return _Limit(effort * self.contributions, effort * self.draws)

    def rounds(self, pipe: Pipe, coordinates: int) -> int:
        """For so many coordinates of the sum, within the limit; 2 at least."""
        wanted = math.ceil(coordinates / pipe.size)
        possible = min(self.contributions // pipe.floor, self.draws // (pipe.floor * pipe.size))
        return max(2, min(wanted, possible))


_EXACT = _Limit(3_000, 8_000_000)  # about 15 s of the exact sampler
_FAST = _Limit(60_000, 60_000_000)  # about 10 s of tables


def quick_audit(
    plan: Plan,
    *,
    source_of: SourceOf,
    clock: Callable[[], float],
    contribute: Contribute = pipeline.contribution,
    fast_source_of: SourceOf | None = None,
    reported: Sequence[int] = (),
    members: Losses | None = None,
    opens: Opens | None = None,
    effort: int = 1,
) -> AuditReport:
    """Every audit that ``plan`` has a promise for. Raises NothingPromised in mode none.

    source_of: randomness as it is deployed, by round and maker; clock: seconds, rising.
    fast_source_of: for noise that is only summed, e.g. seeded tables. reported: contributions of
    each closed round. members: for the membership test, else left out. opens: see ``floor``.
    effort: so many times the coordinates and games, and about the time and memory.
    """
    began = clock()
    exactly, quickly = _EXACT.times(effort), _FAST.times(effort)
    pipe = Pipe(plan, contribute)
    fast = source_of if fast_source_of is None else fast_source_of
    least = pipe.floor
    singles = math.ceil(DRAWS / pipe.size / pipe.maker_count(least))
    rounds = max(singles, exactly.rounds(pipe, effort * EXACT_COORDINATES))
    looked_at = least
    if fast_source_of is not None:  # no more devices than fit the limit of the exact sampler
        looked_at = min(least, max(2, exactly.draws // (rounds * pipe.size)))
    exact = collect(pipe, source_of=source_of, rounds=rounds, survivors=looked_at)
    summed = exact
    if fast_source_of is not None:
        rounds = quickly.rounds(pipe, effort * FAST_COORDINATES)
        summed = collect(pipe, source_of=fast, rounds=rounds, survivors=least, keep_draws=False)
    rounds = exactly.rounds(pipe, effort * _FLOOR_COORDINATES)
    above = [
        (
            least + more,
            collect(pipe, source_of=fast, rounds=rounds, survivors=least + more, keep_draws=False),
        )
        for more in _ABOVE_FLOOR
        if least + more <= plan.counts.largest_roster
    ]
    shown = inversion(contribute, source_of=fast)
    findings: list[Finding] = [
        noise_scale.draws(pipe, exact),
        noise_scale.noise_scale(pipe, summed, survivors=least),
        sampler_fit(exact.draws, pipe.draw_variance),
        whiteness(exact.opened, draws=exact.draws, coefficients=pipe.coefficients),
        sensitivity(pipe, source_of=source_of),
        canary_game(pipe, summed, source_of=source_of),
        one_shot(pipe, summed, source_of=source_of),
        floor(pipe, [(least, summed), *above], reported=reported, opens=opens),
        inversion_finding(shown),
    ]
    promised = plan.guarantee()
    if members is not None and promised is not None:
        findings.append(membership(members, epsilon=promised.epsilon, delta=plan.delta))
    return AuditReport(
        plan_hash=plan.hash.hex(),
        simulated=source_of(1, AUDITOR).simulated,
        findings=tuple(findings),
        inversion=shown,
        seconds=clock() - began,
    )
