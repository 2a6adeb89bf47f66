"""What each of the fourteen points of a privacy report says: facts by name, then sentences.

One function a point, from a recomputed record; ``privacy_report`` has their titles and order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from holter.privacy.accountant import RHO_UNITS
from holter.privacy.calibration import WRAP_PROBABILITY, noise_deviation
from holter.privacy.guarantee import EXACT, Guarantee, advantage, article
from holter.rounds.plan import Plan
from holter.rounds.recompute import Account, Record
from holter.rounds.record_form import result_digest

Content = tuple[tuple[tuple[str, str], ...], tuple[str, ...]]
"""Facts by name, and sentences."""


def setting(record: Record, plan: Plan, promise: Guarantee) -> Content:
    """1. Who is trusted for what."""
    secure = record.result["secure_aggregation"]
    facts = (
        ("mode", plan.mode),
        ("holds against", promise.adversary),
        ("way of summing", plan.protocol),
        ("what the server saw", str(secure["server_saw"])),
        ("shares that open a secret", str(secure["threshold"] or "not carried message by message")),
        ("corrupt clients allowed for in each sum", str(plan.counts.colluders)),
    )
    words = [f"Assumed: {one}." for one in promise.assumptions]
    if record.fleet is not None:
        words.append("What the server saw, it saw of the few people of the what-if.")
    return facts, tuple(words)


def unit(plan: Plan) -> Content:
    """2. What one unit may contribute."""
    bound = (
        "every update is scaled to the clip"
        if plan.normalise
        else "updates longer than the clip are shortened to it"
    )
    clip = f"{plan.clip:g} (L2 norm); {bound}"
    if plan.clip_quantile is not None:
        clip += f"; it follows the {plan.clip_quantile:.0%} quantile of norms from round to round"
    facts = (
        ("unit", "one device, over the whole study"),
        ("rounds it takes part in, at most", str(plan.max_participations)),
        ("rounds between two of them, at least", str(plan.min_separation)),
        ("clip", clip),
        ("weight of a device in a sum", "1, whatever its amount of data"),
    )
    return facts, (
        "Several devices of one person are several units, unless they share one ledger: the "
        "promise to such a person is that of all of them together.",
    )


def adjacency() -> Content:
    """3. What is compared with what."""
    return (("adjacency", "zero-out"),), (
        "Compared are two worlds: in one a device takes part with its data, in the other it takes "
        "part with none and sends only what a device without data would send. That it took part "
        "is not hidden by this.",
    )


def guarantee(record: Record, plan: Plan, promise: Guarantee) -> Content:
    """4. The numbers, and for which outputs they hold."""
    meant = record.study.privacy.meant_for
    population = meant.population if meant is not None else record.people[-1]
    wanted = population**-1.1
    verdict = "below" if promise.delta <= wanted else "ABOVE"
    outputs = (
        "every model that is released, and everything computed from them"
        if plan.correlated
        else "every opened sum of every round, every model, and everything computed from them"
    )
    if plan.joint.extras:
        outputs += "; the clip indicator and the private metrics are in the same sums"
    return (
        ("epsilon", f"{_rounded_up(promise.epsilon, 4):.4f}"),
        ("delta", f"{promise.delta:g} ({verdict} 1/N^1.1 = {wanted:.2g} for N = {population:,})"),
        ("rho (zero-concentrated)", f"{promise.rho:.9f}"),
        ("covers", outputs),
    ), ()


def _rounded_up(value: float, digits: int) -> float:
    """What is promised at most is never written smaller than it is."""
    steps = 10.0**digits
    return math.ceil(value * steps) / steps


def mechanism(plan: Plan) -> Content:
    """5. What adds the noise."""
    grid = plan.grid
    facts: list[tuple[str, str]] = [
        ("noise multiplier", f"{plan.noise_multiplier:.6g} on the sum, over the clip"),
        ("clip on the grid", f"{grid.norm_limit} steps, checked on integers after rounding"),
        ("scale", f"{grid.scale:.6g} grid steps per unit of an update"),
        ("lane", f"{grid.lane_bits} bits, summed modulo 2^{grid.lane_bits} in words of 2^64"),
        ("chance that a round leaves its lane", f"below {WRAP_PROBABILITY:.2g}"),
        ("coordinates", f"{plan.coordinates:,} ({plan.joint.extras} beside the update)"),
    ]
    if plan.correlated:
        facts += [
            ("strategy", f"banded square root, {plan.bands} bands (Kalinin and Lampert 2024)"),
            ("sampler", "exact discrete Gaussian on the operating system's randomness"),
            (
                "noise of a row",
                f"{noise_deviation(grid, survivors=0):.6g} grid steps, on a lattice of 2^-12 steps",
            ),
        ]
        words = ("The server adds it to the opened sum; the row is the number of the round.",)
        return tuple(facts), words
    sigma = math.sqrt(grid.share_variance or grid.central_variance)
    who = "each device" if grid.share_variance else "the helper and the leader, each"
    facts += [
        ("sampler", "exact discrete Gaussian (Canonne, Kamath and Steinke 2020)"),
        ("noise", f"standard deviation {sigma:.6g} grid steps, added by {who}"),
        ("shares counted on", f"{plan.honest_shares}"),
    ]
    return tuple(facts), ("It is added to integers before masking; nothing touches it after.",)


def accounting(promise: Guarantee, account: Account) -> Content:
    """6. How the numbers came about."""
    other = "Renyi conversion" if promise.method == EXACT else "exact Gaussian"
    middle = account.privacy_loss
    checked = (
        "exact <= Renyi holds; a privacy loss distribution does not reach so far."
        if middle is None
        else "exact <= privacy loss <= Renyi was checked when this report was made."
    )
    return (
        ("method of the reported epsilon", promise.method),
        ("epsilon, exact Gaussian of the same rho", f"{promise.epsilon_exact:.6f}"),
        (
            "epsilon, privacy loss distribution",
            "beyond what the library computes" if middle is None else f"{middle:.6f}",
        ),
        ("epsilon, Renyi conversion", f"{promise.epsilon_renyi:.6f}"),
        ("library beside our closed forms", "dp-accounting 0.6.0 (Renyi; privacy loss, checked)"),
        ("currency", "integers of 1e-9 rho, every charge rounded up"),
        ("amplification by sampling", "none is claimed"),
    ), (f"The {other} number stands beside the reported one; {checked}",)


def accesses(plan: Plan) -> Content:
    """7. What was read of the data."""
    covered = "updates"
    if plan.joint.indicator:
        covered += ", the indicator of the clip"
    if plan.joint.evaluation:
        covered += ", accuracy and loss of the model on the clients' own windows"
    return (
        ("covered", covered),
        (
            "not covered",
            "who was asked, who dropped out and how many survived (public in both worlds); "
            "eligibility rules; how the study's settings were chosen; scaling by a person's own "
            "windows and personalisation (they never leave the device)",
        ),
        (
            "in a simulation also not covered",
            "scores on new people, which are computed in clear for the report",
        ),
    ), ()


def composition(record: Record, account: Account) -> Content:
    """8. What was spent before."""
    contracts = [one.contract for one in account.campaigns]
    earlier = contracts[-1]["earlier_units"]
    facts = [("spent before, in other tasks of this population", _rho(earlier) or "none")]
    words = []
    if earlier:
        words.append("Point 4 is of this study alone. Charges add up in rho, not in epsilon.")
        plan = record.plans[-1]
        total = earlier + plan.contract.rho_units * plan.max_participations
        facts.append(
            (
                "a device in earlier tasks and this one, at most",
                f"{_rho(total)}: epsilon {_rounded_up(plan.epsilon_of(total), 4):.4f} at delta {plan.delta:g}",
            )
        )
    if len(contracts) > 1:
        words.append(
            f"This run has {len(contracts)} trainings over overlapping people (one for each fold); "
            "the numbers are those of the last one alone."
        )
        whole = _rho(sum(one["rho_units"] * one["max_participations"] for one in contracts))
        if whole:
            facts.append(("a device in all trainings of this run, at most", whole))
    return tuple(facts), tuple(words)


def _rho(units: int) -> str:
    return f"{units / RHO_UNITS:.9f} rho" if units else ""


def realised(record: Record, account: Account, plan: Plan) -> Content:
    """9. What was planned, and what happened."""
    campaign, run_plan = account.campaigns[-1], record.plans[-1]
    closed = [e for e in campaign.rounds if e["outcome"] == "closed"]
    fewest = min((e["reported"] for e in closed), default=0)
    most = campaign.rounds[-1]["most_participations"] if campaign.rounds else 0
    facts = [
        ("rounds planned / held / closed", _counts(run_plan.rounds, campaign.rounds, closed)),
        ("asked in a round", str(run_plan.asked_per_round)),
        (
            "fewest survivors / floor",
            f"{fewest} / {run_plan.counts.survivors_floor}"
            + (" (several sums a round, each held to the floor)" if run_plan.groups > 1 else ""),
        ),
        ("participations of the device asked most / allowed", _participations(most, run_plan)),
        ("noise at the fewest survivors", _delivered(run_plan, fewest)),
        ("stopped early", str(campaign.stopped["reason"]) if campaign.stopped else "no"),
    ]
    last = len(record.plans) - 1  # the training whose model is kept
    lines = [e for e in record.journal if e["event"] == "round" and e["fold"] == last]
    clips = [e["clip"] for e in lines if e["clip"] is not None]
    if clips:
        facts.append(("clip, first / least / greatest / last", _range(clips)))
    words: tuple[str, ...] = ()
    if record.fleet is not None:
        words = ("These are the few people of the what-if; the promise above is the fleet's.",)
    return tuple(facts), words


def _counts(planned: int, rounds: tuple[Any, ...], closed: list[Any]) -> str:
    return f"{planned} / {len(rounds)} / {len(closed)}"


def _participations(most: int, plan: Plan) -> str:
    return f"{most} / {plan.max_participations}"


def _delivered(plan: Plan, survivors: int) -> str:
    if plan.grid.norm_limit is None or not survivors:
        return "no round closed"
    honest = survivors - plan.counts.colluders if plan.grid.share_variance else survivors
    if plan.mode == "local":
        honest = 1
    if plan.grid.central_variance:  # one of the two draws is the adversary's own
        sigma = math.sqrt(plan.grid.central_variance)
    else:
        sigma = noise_deviation(plan.grid, survivors=max(0, honest))
    return (
        f"{sigma / plan.grid.norm_limit:.6g} times the clip without the colluders' shares; "
        f"{plan.noise_multiplier:.6g} planned"
    )


def _range(clips: list[float]) -> str:
    return " / ".join(f"{c:.4g}" for c in (clips[0], min(clips), max(clips), clips[-1]))


def audit(audit: Mapping[str, Any] | None) -> Content:
    """10. What an audit found. ``audit``: of audit.json."""
    if audit is None:
        return (), ("No audit of this run's pipeline was made: `holter audit RUN` makes one.",)
    found = [
        (one["name"], ("passed: " if one["passed"] else "FAILED: ") + one["what"])
        for one in audit["findings"]
    ]
    found += [(one["name"], f"left out: {one['why']}") for one in audit.get("left_out", ())]
    return tuple(found), (
        "An audit finds gross faults; a passed one proves nothing. Its lower bounds are "
        "statistical, at the confidence that each states.",
    )


def utility(record: Record) -> Content:
    """11. What it is good for."""
    found = []
    for name, key in (
        ("new people, all windows", "new_people"),
        ("same later windows: learning alone", "local_only"),
        ("same later windows: federated", "global_later"),
        ("same later windows: federated and fitted", "personalised"),
    ):
        block = record.result["evaluation"].get(key)
        if block is not None:
            people = block["per_person"]["accuracy"]
            found.append(
                (
                    f"accuracy, {name}",
                    f"mean {people['mean']:.3f}, 10th percentile {people['p10']:.3f}, worst "
                    f"{people['min']:.3f} over {block['people']} people",
                )
            )
    return tuple(found), (
        "Scores, like the clips of point 9, are as the run wrote them: they cannot be computed "
        "again without the recordings. The ledger's last line holds the digest of the result and "
        "of the journal, so that a later change shows.",
        "Noise costs small groups more than large ones; scores by group are not measured here.",
    )


def randomness() -> Content:
    """12. Whose dice."""
    return (
        ("source", "simulated: every draw follows from the study's seed"),
        ("exactness", "integers between clip and sum; tables in the simulation, exact on devices"),
        ("seeds published", "yes, in study.toml: which is why nobody is protected by this run"),
    ), (
        "The key that signs the ledger follows from the same seed: whoever has study.toml can "
        "sign another ledger. The signatures show accidents and edits, not a forger.",
    )


def identity(record: Record, code_digest: str) -> Content:
    """13. What exactly this is a report of."""
    privacy = record.result["privacy"]
    return (
        ("holter", f"{record.result['holter']}, sources {code_digest}"),
        ("study", record.study_digest),
        ("plan", record.plans[-1].hash.hex()),
        *([("plan of the fleet", record.fleet.hash.hex())] if record.fleet is not None else []),
        ("ledger, hash of the last line", privacy["ledger_head"]),
        ("ledger, key of its signatures", privacy["ledger_key"]),
        ("journal", record.journal_digest),
        ("result", result_digest(record.result)),
        ("model", record.model_digest),
    ), (
        "Digests are SHA-256. The ledger's last line names study, plans, journal, result and model; it "
        "does not hold report.html, the time that the run took, nor an audit, which come after.",
    )


def plain(promise: Guarantee) -> Content:
    """14. What an observer can gain, in plain words."""
    odds = advantage(promise.epsilon, promise.delta)
    return (), (
        f"Think of {article(promise.adversary)} who guesses by the toss of a coin whether one "
        "given device's data were used, and then sees everything that this study shows to such "
        f"an observer. The guess becomes right at most {_rounded_up(odds, 4):.2%} of the time: "
        "50 % would be no gain, 100 % certainty.",
        f"The allowance for failure is {promise.delta:g}. The promise is about one device, however "
        "unusual its wearer; it does not say that the model learned nothing about people like "
        "them, which is what it was made for.",
    )
