"""What a result says about privacy: the same words whether devices were real or simulated.

``privacy_block`` is a pure function of the plan and of what the ledger ends with, so that
``recompute`` can write it again and compare.
"""

from __future__ import annotations

from typing import Any

from holter.privacy.guarantee import ADVERSARY, Guarantee, NoGuarantee
from holter.rounds.plan import Plan
from holter.rounds.tables import MeantForTable


def no_guarantee(would_be: Guarantee | None, meant_for: MeantForTable | None) -> NoGuarantee:
    """Why a simulation protects nobody, and what a fleet under the plan would have."""
    if would_be is None:
        return NoGuarantee(
            'THIS RUN IS NOT PRIVATE: privacy.mode is "none", so no noise was added and no '
            "epsilon exists.",
            None,
        )
    if meant_for is not None:
        return NoGuarantee(
            "WHAT-IF: nobody whose recordings were used is protected by this run. Its noise was "
            f"scaled so that the mean of a few has the noise that {meant_for.clients_per_round:,} "
            f"of {meant_for.population:,} people a round would have; that these few stand for so "
            "many is assumed. Such a fleet would have: " + would_be.in_words(),
            would_be,
        )
    return NoGuarantee(
        "SIMULATION: nobody is protected by this run; its randomness follows from a seed. "
        "A fleet of devices under this plan would have: " + would_be.in_words(),
        would_be,
    )


def privacy_block(
    plan: Plan, ledger_head: str, ledger_key: bytes, meant_for: MeantForTable | None
) -> dict[str, Any]:
    """The ``privacy`` part of a simulation's result: nothing is promised, and what a fleet gets.

    ledger_head, ledger_key: hash of the ledger's last line, and the key that signed its lines.
    plan: the fleet's in a what-if, which ``meant_for`` then describes.
    """
    would_be = plan.guarantee()
    nothing = no_guarantee(would_be, meant_for)
    return {
        "mode": plan.mode,
        "epsilon": would_be.epsilon if would_be else None,
        "method": would_be.method if would_be else None,
        "epsilon_exact": would_be.epsilon_exact if would_be else None,
        "epsilon_renyi": would_be.epsilon_renyi if would_be else None,
        "rho": would_be.rho if would_be else None,
        "delta": would_be.delta if would_be else None,
        "unit": would_be.unit if would_be else "none",
        "adjacency": would_be.adjacency if would_be else "none",
        "adversary": would_be.adversary if would_be else _unpromised(plan),
        "claimed": False,
        "statement": nothing.reason,
        "assumptions": list(would_be.assumptions) if would_be else [],
        "noise_multiplier": plan.noise_multiplier if would_be else None,
        "bands": plan.bands,
        "clip": plan.clip if would_be else None,
        "bound": ("normalise" if plan.normalise else "clip") if would_be else None,
        "clip_quantile": plan.clip_quantile,
        "metrics_share": plan.joint.evaluation,
        "rho_per_participation": plan.rho_per_participation if would_be else None,
        "max_participations": plan.max_participations,
        "min_separation": plan.min_separation,
        "survivors_floor": plan.counts.survivors_floor,
        "colluders": plan.counts.colluders,
        "amplification": "none",
        "randomness": "simulated",
        "meant_for": None if meant_for is None else dict(vars(meant_for)),
        "ledger_head": ledger_head,
        "ledger_key": ledger_key.hex(),
    }


def _unpromised(plan: Plan) -> str:
    if plan.protocol == "plain":
        return "none: plain aggregation shows the server every contribution"
    return f"none: the sums protect against an {ADVERSARY} only as far as a sum does"
