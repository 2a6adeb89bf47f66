"""A run's numbers as result.json has them: format holter.result/1, see docs/result.md.

No person's number appears beside a name or an index: the per-person lists are sorted, each
by itself, so that they cannot be joined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from holter.learning.evaluation import AlarmScore, Scores, Spread
from holter.rounds.plan import Plan
from holter.simulator.progress import Tally

FORMAT = "holter.result/1"
_BLOCK_OF_ARM = {
    "whole": "new_people", "global": "global_later", "local": "local_only",
    "personal": "personalised",
}  # fmt: skip


def evaluation_blocks(
    blocks: Mapping[str, Scores | None],
    classes: Sequence[str],
    alarm: Sequence[AlarmScore] | None,
) -> dict[str, Any]:
    """The ``evaluation`` part: a block for each arm, distributions, who was helped, the alarm."""
    found: dict[str, Any] = {
        _BLOCK_OF_ARM[arm]: None if scores is None else _block(scores, classes)
        for arm, scores in blocks.items()
    }
    found["distribution"] = {
        _BLOCK_OF_ARM[arm]: sorted(scores.accuracies)
        for arm, scores in blocks.items()
        if scores is not None
    }
    personal, general = blocks["personal"], blocks["global"]
    found["helped"] = None
    if personal is not None and general is not None:
        gains = [p - g for p, g in zip(personal.accuracies, general.accuracies, strict=True)]
        found["distribution"]["personalised_minus_global"] = sorted(gains)
        found["helped"] = {
            "people": len(gains),
            "helped": sum(gain > 0 for gain in gains),
            "unchanged": sum(gain == 0 for gain in gains),
            "hurt": sum(gain < 0 for gain in gains),
        }
    found["alarm"] = None if alarm is None else [vars(level) for level in alarm]
    return found


def _block(scores: Scores, classes: Sequence[str]) -> dict[str, Any]:
    return {
        "people": scores.people,
        "windows": scores.windows,
        "accuracy": scores.accuracy,
        "macro_f1": scores.macro_f1,
        "kappa": scores.kappa,
        "per_class": {name: vars(one) for name, one in zip(classes, scores.per_class, strict=True)},
        "per_person": {
            "accuracy": _spread(scores.person_accuracy),
            "macro_f1": _spread(scores.person_macro_f1),
        },
    }


def _spread(spread: Spread) -> dict[str, float]:
    return {"mean": spread.mean, "p10": spread.p10, "min": spread.min}


def secure_block(plan: Plan, tally: Tally) -> dict[str, Any]:
    """What secure aggregation did, in rounds that went through it message by message."""
    traffic = tally.traffic
    return {
        "protocol": plan.protocol,
        "groups": plan.groups,
        "helpers": plan.helpers,
        "seal": plan.seal or None,
        "clients": traffic.on_roster if traffic else 0,
        "dropped": tally.dropped,
        # A difference ends the run, so a run that ended had none.
        "exact": tally.carried > 0,
        "rounds_through_protocol": tally.carried,
        "threshold": traffic.threshold if traffic else None,
        "lane_bits": plan.grid.lane_bits,
        "server_saw": _server_saw(plan),
    }


def _server_saw(plan: Plan) -> str:
    floor = plan.counts.survivors_floor
    if plan.protocol == "plain":
        return (
            "EVERY SINGLE CONTRIBUTION: aggregation.protocol is plain, so nothing was masked; it "
            "exists for simulations only"
        )
    sums = "one sum a round" if plan.groups == 1 else f"{plan.groups} sums a round, one a group"
    if plan.protocol == "one-upload":
        believed = "its one helper" if plan.helpers == 1 else "two of its four helpers"
        return (
            f"{sums}, of {floor} or more contributions; who was asked and who uploaded; no single "
            f"contribution, if the leader does not work with {believed}"
        )
    return (
        f"{sums}, opened only with {floor} or more contributions in it; who was asked, who "
        "answered and who dropped out; no single contribution"
    )


def traffic_block(plan: Plan, tally: Tally) -> dict[str, Any]:
    """Bytes of one complete client in one round, counted on messages that were carried."""
    traffic = tally.traffic
    model_bytes = 4 * plan.layout.size
    return {
        "upload_bytes_per_client_round": traffic.upload_bytes if traffic else None,
        "download_bytes_per_client_round": (
            traffic.download_bytes + model_bytes if traffic else None
        ),
        "model_bytes": model_bytes,
        "vector_bytes": 8 * plan.counts.words,
        "bytes_per_parameter": 8 * plan.counts.words / plan.layout.size,
        "float32_bytes": model_bytes,
        "helper_bytes_per_round": traffic.helper_bytes if traffic else None,
    }


def rounds_block(plan: Plan, tally: Tally, stopped: str | None) -> dict[str, Any]:
    """How the rounds went."""
    return {
        "planned": plan.rounds,
        "stopped": stopped,
        "closed": tally.closed,
        "abandoned": tally.abandoned,
        "asked": tally.asked,
        "reported": tally.reported,
        "dropped": tally.dropped,
        "abandoned_reasons": dict(tally.reasons),
        "through_protocol": tally.carried,
    }
