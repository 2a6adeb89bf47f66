"""Where the audits meet a run: its plan, its journal, its model, and whose dice are thrown.

Each draw that is looked at by itself is drawn as a device would, from the operating system. Noise
that only counts in a sum is drawn from seeded tables, under a seed that is fresh for each audit.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

from holter.audit.finding import AuditReport, Inversion
from holter.audit.membership import Losses
from holter.audit.pipe import Pipe, SourceOf
from holter.audit.quick import quick_audit
from holter.device.system_source import OperatingSystemSource
from holter.privacy.source import Source
from holter.rounds.recompute import Record
from holter.simulator import audited
from holter.simulator.dice import SeededSource, key
from holter.simulator.record import AUDIT_FORMAT
from holter.simulator.store import RunFolder

EFFORT = 5  # times the coordinates and games of a quick audit
_DECIMALS = 6  # of a window of norm 1: finer than any drawing


def audit_facts(
    folder: RunFolder, record: Record, data_root: Path, *, quick: bool
) -> dict[str, Any]:
    """The audit of the run's last plan, as audit.json holds it (docs/audit.schema.json).

    Raises NothingPromised in mode none, and Unreadable.
    """
    plan = record.plans[-1]
    Pipe(plan)  # refuses before anything is loaded
    reported = audited.reported(record)
    members, left_out = None, []
    try:
        if plan.what_if:
            raise audited.NotCompared("a what-if promises its few people nothing to compare with")
        members = Losses(*audited.person_losses(folder, record, data_root))
    except audited.NotCompared as error:
        left_out.append({"name": "membership", "why": str(error)})
    report = quick_audit(
        plan,
        source_of=_system,
        fast_source_of=_fast(),
        clock=time.monotonic,
        reported=reported,
        members=members,
        opens=audited.opener(plan),
        effort=1 if quick else EFFORT,
    )
    return facts(report, study=record.study.study.name, quick=quick, left_out=left_out)


def facts(
    report: AuditReport, *, study: str, quick: bool, left_out: list[dict[str, str]]
) -> dict[str, Any]:
    """A report as JSON holds it. left_out: audits that could not be made, and why."""
    return {
        "format": AUDIT_FORMAT,
        "plan_hash": report.plan_hash,
        "study": study,
        "simulated_run": True,
        "randomness": {
            "draws": "simulated" if report.simulated else "operating system",
            "sums": "seeded tables",
        },
        "quick": quick,
        "passed": report.passed,
        "seconds": round(report.seconds, 3),
        "findings": [
            {
                "name": finding.name,
                "passed": finding.passed,
                "what": finding.what,
                "numbers": {name: _number(value) for name, value in finding.numbers.items()},
                "claim": _number(finding.claim),
                "bound": _number(finding.bound),
            }
            for finding in report.findings
        ],
        "left_out": left_out,
        "inversion": _inversion(report.inversion),
    }


def _inversion(shown: Inversion) -> dict[str, Any]:
    return {
        "channels": shown.channels,
        "samples": shown.samples,
        "devices": shown.devices,
        "noise_multiplier": shown.noise_multiplier,
        "mean_cosine_of_sum": shown.mean_cosine_of_sum,
        "random_cosine": shown.random_cosine,
        "window": [round(value, _DECIMALS) for value in shown.window],
        "arms": [
            {
                "arm": arm.arm,
                "cosine": arm.cosine,
                "window": [round(value, _DECIMALS) for value in arm.window],
            }
            for arm in shown.arms
        ],
    }


def _number(value: float | None) -> float | None:
    """JSON has no infinity and no NaN: what was not measured is null."""
    return None if value is None or not math.isfinite(value) else value


def _system(round_number: int, who: int) -> Source:
    return OperatingSystemSource()


def _fast() -> SourceOf:
    seed = int.from_bytes(OperatingSystemSource().read(8), "big")

    def source_of(round_number: int, who: int) -> Source:
        return SeededSource(key(seed, "audit", round_number, who + 4))  # the makers are -4, -3, ...

    return source_of
