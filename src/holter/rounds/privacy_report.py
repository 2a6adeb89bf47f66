"""The report that a data protection officer holds in hand: fourteen points, in one order.

The points follow NIST SP 800-226 (March 2025) and Ponomareva et al. 2023 (arXiv 2303.00654,
section 5); privacy.md 3 of the design lists them. Everything is taken from a record that
``recompute`` found no difference in. A report that lacks a point, or an assumption, is not built.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holter.privacy.guarantee import Guarantee
from holter.rounds import report_points as points
from holter.rounds.recompute import Account, Record
from holter.rounds.statement import no_guarantee

FORMAT = "holter.privacy-report/1"
TITLES = (
    "Setting, and who is trusted for what",
    "Unit of privacy, and what one unit may contribute",
    "Adjacency: what is compared with what",
    "Guarantee, and for which outputs",
    "Mechanism",
    "Accounting",
    "What was read of the data, covered and not covered",
    "Composition with earlier releases",
    "Planned against realised",
    "Audit",
    "Utility",
    "Randomness",
    "Identification",
    "In plain words",
)
Facts = tuple[tuple[str, str], ...]


class Incomplete(ValueError):
    """A report that would leave something out. It is not rendered."""


@dataclass(frozen=True)
class Point:
    """One of the fourteen: facts by name, then sentences."""

    title: str
    facts: Facts
    words: tuple[str, ...]


@dataclass(frozen=True)
class PrivacyReport:
    """All fourteen points, in order, and what stands above them."""

    study: str
    banners: tuple[str, ...]
    promise: Guarantee
    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        if tuple(point.title for point in self.points) != TITLES:
            raise Incomplete("a privacy report has its fourteen points, in their order")
        for point in self.points:
            blank = [name for name, value in point.facts if not value.strip()]
            if blank or not (point.facts or point.words):
                raise Incomplete(f"{point.title}: {blank[0] if blank else 'everything'} is missing")
            if not all(text.strip() for text in point.words):
                raise Incomplete(f"{point.title}: a sentence is missing")
            if len({name for name, _ in point.facts}) < len(point.facts):
                raise Incomplete(f"{point.title}: two facts bear one name, and one would be lost")
        if not self.promise.assumptions or not all(a.strip() for a in self.promise.assumptions):
            raise Incomplete("a promise without its assumptions is not reported")
        if not all(banner.strip() for banner in self.banners) or not self.banners:
            raise Incomplete("a report without what stands above it is not rendered")
        if not math.isfinite(self.promise.epsilon_renyi):
            raise Incomplete("an epsilon without end promises nothing")

    def facts(self) -> dict[str, Any]:
        """As JSON holds it; docs/privacy-report.schema.json describes it."""
        return {
            "format": FORMAT,
            "study": self.study,
            "banners": list(self.banners),
            "promise": {**vars(self.promise), "assumptions": list(self.promise.assumptions)},
            "points": [
                {
                    "number": number,
                    "title": point.title,
                    "facts": dict(point.facts),
                    "words": list(point.words),
                }
                for number, point in enumerate(self.points, start=1)
            ],
        }


def build(
    record: Record, account: Account, *, audit: Mapping[str, Any] | None, code_digest: str
) -> PrivacyReport:
    """The report of a recomputed run. audit: audit.json if there is one. Raises Incomplete."""
    plan = record.promised
    promise = plan.guarantee()
    if promise is None:
        raise Incomplete('privacy.mode is "none": nothing was promised, so there is no report')
    banners = [no_guarantee(promise, record.study.privacy.meant_for).reason]
    if record.study.data.source == "synthetic":
        banners.insert(0, "SYNTHETIC PEOPLE: the recordings were made by a program.")
    contents = [
        points.setting(record, plan, promise),
        points.unit(plan),
        points.adjacency(),
        points.guarantee(record, plan, promise),
        points.mechanism(plan),
        points.accounting(promise, account),
        points.accesses(plan),
        points.composition(record, account),
        points.realised(record, account, plan),
        points.audit(audit),
        points.utility(record),
        points.randomness(),
        points.identity(record, code_digest),
        points.plain(promise),
    ]
    named = [Point(t, facts, words) for t, (facts, words) in zip(TITLES, contents, strict=True)]
    return PrivacyReport(record.study.study.name, tuple(banners), promise, tuple(named))
