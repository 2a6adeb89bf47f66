"""A run's promise, computed again from its ledger and its plan; every difference is named.

Nothing that a result says is believed. In this order, and no further where something differs:

1. the form of every part, and the ledger's chain and signatures;
2. the digests in the ledger's last line: of study, plans, model, journal and result;
3. the plans, derived again from the study;
4. what each line says was spent, who was asked against the journal, the three paths to epsilon,
   the whole ``privacy`` part.

Scores and clips cannot be computed again without the recordings: those are held by their digest
alone. A difference is a fault of the record (or of holter), never of the reader: the command ends
with exit code 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holter.privacy import accountant, chain
from holter.privacy.accountant import RHO_UNITS
from holter.privacy.events import NotAccountable
from holter.rounds import record_form
from holter.rounds.acceptance import SIMULATION, PlanRefused, check_plan
from holter.rounds.plan import Plan
from holter.rounds.planning import deployment, make_plan
from holter.rounds.record_form import canonical
from holter.rounds.statement import privacy_block
from holter.rounds.study import Study

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Record:
    """What a run folder holds, read but not believed.

    people: who train, of each training. ledger_key: that the ledger must be signed with, 32 bytes,
    known from elsewhere than the result. *_digest: SHA-256 in hex, of the study's and the plans'
    text, of the journal up to its last event, and of the model's parameters. model_about: what the
    model's file says beside them. secure: what the result has to say of secure aggregation, as far
    as it follows from the plan.
    """

    study: Study
    study_digest: str
    plans: tuple[Plan, ...]
    people: tuple[int, ...]
    fleet: Plan | None
    plans_digest: str
    ledger: bytes
    ledger_key: bytes
    journal: Sequence[Entry]
    journal_digest: str
    result: Mapping[str, Any]
    model_digest: str
    model_about: Mapping[str, Any]
    secure: Mapping[str, Any]

    @property
    def promised(self) -> Plan:
        """The plan whose promise is reported."""
        return self.fleet or self.plans[-1]


@dataclass(frozen=True)
class Campaign:
    """The ledger's lines of one training: its contract, its rounds, how it ended."""

    contract: Entry
    rounds: tuple[Entry, ...]
    stopped: Entry | None


@dataclass(frozen=True)
class Account:
    """What the ledger says, and where anything else says otherwise.

    privacy_loss: epsilon by privacy loss distribution, the path between the two that a promise
    states; None where nothing is promised, or beyond what the library computes.
    """

    campaigns: tuple[Campaign, ...]
    differences: tuple[str, ...]
    privacy_loss: float | None = None


def recompute(record: Record) -> Account:
    """The account of a run. Without differences everything it states follows from its ledger."""
    try:
        record_form.check_result(record.result)
        record_form.check_journal(record.journal)
        head = record.result["privacy"]["ledger_head"]
        entries = chain.verify(record.ledger, head, chain.checker(record.ledger_key))
        record_form.check_ledger(entries)
        campaigns = _campaigns(entries)
    except (chain.Tampered, record_form.Misshapen) as error:
        return Account((), (str(error),))
    # Each step computes on what the step before found sound, so the later ones are not run early.
    found = _named(record, entries[-1]) or _plans(record) or _contracts(record, campaigns)
    if found:
        return Account(campaigns, tuple(found))
    differences = [
        *(d for n, one in enumerate(campaigns) for d in _rounds(record, n, one)),
        *(d for n, one in enumerate(campaigns) for d in _told(record, n, one)),
        *_stated(record, campaigns),
    ]
    try:
        privacy_loss = _paths(record)
    except accountant.OrderBroken as error:
        return Account(campaigns, (*differences, str(error)))
    return Account(campaigns, tuple(differences), privacy_loss)


def _campaigns(entries: Sequence[Entry]) -> tuple[Campaign, ...]:
    """Contract, rounds, perhaps an early stop; again for each training; one publication at the end.

    Raises Tampered where the lines stand in another order.
    """
    found: list[Campaign] = []
    for number, entry in enumerate(entries, start=1):
        kind, last = entry["kind"], found[-1] if found else None
        if kind == "contract":
            found.append(Campaign(entry, (), None))
        elif kind == "round" and last is not None and last.stopped is None:
            found[-1] = Campaign(last.contract, (*last.rounds, entry), None)
        elif kind == "stopped" and last is not None and last.stopped is None:
            found[-1] = Campaign(last.contract, last.rounds, entry)
        elif kind != "published" or last is None or number < len(entries):
            raise chain.Tampered(f"line {number} of the ledger stands where no {kind} can")
    if not entries or entries[-1]["kind"] != "published":
        raise chain.Tampered("the ledger does not end with a published model")
    return tuple(found)


def _named(record: Record, published: Entry) -> list[str]:
    """Each file against the digest that the ledger's last line holds of it."""
    here = {
        "study": ("study.toml", record.study_digest),
        "plans": ("plan.json", record.plans_digest),
        "model": ("model.safetensors", record.model_digest),
        "journal": ("journal.jsonl", record.journal_digest),
        "result": ("result.json", record_form.result_digest(record.result)),
    }
    return [
        f"{file} is not the one that the ledger names"
        for name, (file, digest) in here.items()
        if published[f"{name}_sha256"] != digest
    ]


def _plans(record: Record) -> list[str]:
    """Each plan is what the study asks for, and keeps its own promise."""
    found = []
    for number, (plan, people) in enumerate(zip(record.plans, record.people, strict=True)):
        where = f"the plan of training {number + 1}"
        try:
            if make_plan(record.study, people=people, layout=plan.layout) != plan:
                found.append(f"{where} is not what the study asks for")
            elif plan.protocol != "plain":  # no device takes part in those; they promise nothing
                check_plan(plan, SIMULATION)
        except (PlanRefused, ValueError, ArithmeticError) as error:  # StudyError among them
            found.append(f"{where}: {error}")
    if (record.fleet is None) != (record.study.privacy.meant_for is None):
        found.append("a fleet's plan belongs to a what-if, and to nothing else")
    elif record.fleet is not None:
        try:
            if deployment(record.study, layout=record.fleet.layout) != record.fleet:
                found.append("the fleet's plan is not what the study asks for")
            elif record.fleet.layout != record.plans[-1].layout:
                found.append("the fleet's plan is of another model")
        except (ValueError, ArithmeticError) as error:
            found.append(f"the fleet's plan: {error}")
    return found


def _contracts(record: Record, campaigns: Sequence[Campaign]) -> list[str]:
    if len(campaigns) != len(record.plans):
        return [f"the ledger has {len(campaigns)} contracts for {len(record.plans)} trainings"]
    found = []
    for number, (plan, campaign) in enumerate(zip(record.plans, campaigns, strict=True)):
        contract, entry = plan.contract, campaign.contract
        said: Entry = {
            "plan": contract.plan_hash,
            "rounds": contract.rounds,
            "max_participations": contract.max_participations,
            "min_separation": contract.min_separation,
            "rho_units": contract.rho_units,
            "task": contract.task,
            "earlier_units": plan.earlier_units,
        }
        for name in said:
            if entry[name] != said[name]:
                found.append(
                    f"training {number + 1}: the ledger's contract says {name} "
                    f"{entry[name]}, the plan gives {said[name]}"
                )
    return found


def _rounds(record: Record, number: int, campaign: Campaign) -> list[str]:
    """Every line of a training against its plan."""
    plan, found = record.plans[number], []
    units, earlier = plan.contract.rho_units, plan.earlier_units
    most, asked = 0, 0
    for expected, entry in enumerate(campaign.rounds, start=1):
        where = f"training {number + 1}, round {expected}"
        if entry["round"] != expected or expected > plan.rounds:
            found.append(f"{where}: the ledger goes on with round {entry['round']}")
            break
        now, asked = entry["most_participations"], asked + entry["asked"]
        if not most <= now <= min(most + 1, plan.max_participations):
            found.append(f"{where}: a device has taken part {now} times, before it was {most}")
        if now * record.people[number] < asked:
            found.append(
                f"{where}: so many were asked that a device took part more than {now} times"
            )
        if entry["most_spent_rho_units"] != earlier + now * units:
            found.append(f"{where}: {now} participations do not cost what the ledger says")
        if not entry["reported"] <= entry["asked"] <= plan.asked_per_round:
            found.append(
                f"{where}: {entry['asked']} were asked and {entry['reported']} reported, the plan "
                f"asks {plan.asked_per_round}"
            )
        if entry["outcome"] not in ("closed", "abandoned"):
            found.append(f"{where}: a round closes or is abandoned")
        if entry["outcome"] == "closed" and entry["reported"] < plan.counts.survivors_floor:
            found.append(
                f"{where}: opened with {entry['reported']} survivors, "
                f"{plan.counts.survivors_floor} are the floor"
            )
        if plan.budget_units is not None and earlier + now * units > plan.budget_units:
            found.append(f"{where}: a device has passed the budget of the study")
        most = now
    held, stopped = len(campaign.rounds), campaign.stopped
    if held < plan.rounds and stopped is None:
        found.append(f"training {number + 1}: ended before its last round without a reason")
    if stopped is not None and (held == plan.rounds or stopped["round"] != held):
        found.append(f"training {number + 1}: did not stop where the ledger says")
    return found


def _told(record: Record, number: int, campaign: Campaign) -> list[str]:
    """The journal's lines of a training against the ledger's, round by round."""
    own = [e for e in record.journal if e["event"] == "round" and e["fold"] == number]
    if len(own) != len(campaign.rounds):
        return [f"training {number + 1}: the journal tells of another number of rounds"]
    stops = [
        (e["rounds_done"], e["reason"])
        for e in record.journal
        if e["event"] == "stopped" and e["fold"] == number
    ]
    end = campaign.stopped
    if stops != ([] if end is None else [(end["round"], end["reason"])]):
        return [f"training {number + 1}: the journal tells another end"]
    compared, spent = ("round", "asked", "reported", "outcome"), _spent(record, number)
    return [
        f"training {number + 1}, round {entry['round']}: the journal tells it differently"
        for line, entry in zip(own, campaign.rounds, strict=True)
        if any(line[name] != entry[name] for name in compared)
        or line["dropped"] != entry["asked"] - entry["reported"]
        or not _same(line["epsilon"], spent(entry))
    ]


def _spent(record: Record, number: int) -> Callable[[Entry], float | None]:
    """Of a ledger's line: epsilon after it, as the journal states it; the fleet's in a what-if."""
    plan, meant = record.promised, record.study.privacy.meant_for

    def fleet(entry: Entry) -> float | None:
        assert meant is not None
        return plan.epsilon_after_rounds(entry["round"], population=meant.population)

    def own(entry: Entry) -> float | None:
        return record.plans[number].epsilon_after(entry["most_participations"])

    return own if meant is None else fleet


def _same(said: float | None, found: float | None) -> bool:
    """Equal, but for the last places, in which libraries differ."""
    if said is None or found is None:
        return said is found
    return math.isclose(said, found, rel_tol=1e-9)


def _stated(record: Record, campaigns: Sequence[Campaign]) -> list[str]:
    """The result's own words and numbers."""
    result, study, plan = record.result, record.study, record.plans[-1]
    said = result["privacy"]
    expected = privacy_block(
        record.promised, said["ledger_head"], record.ledger_key, study.privacy.meant_for
    )
    rounds, end = campaigns[-1].rounds, campaigns[-1].stopped
    closed, asked, reported = (
        sum(entry["outcome"] == "closed" for entry in rounds),
        sum(entry["asked"] for entry in rounds),
        sum(entry["reported"] for entry in rounds),
    )
    counts = {
        "planned": plan.rounds,
        "stopped": None if end is None else end["reason"],
        "closed": closed,
        "abandoned": len(rounds) - closed,
        "asked": asked,
        "reported": reported,
        "dropped": asked - reported,
    }
    about = {
        "name": study.study.name,
        "task": study.study.task,
        "seed": study.study.seed,
        "digest": record.study_digest,
    }
    whose = {
        "synthetic": study.data.source == "synthetic",
        "simulation": True,
    }
    about_model = {
        "format": "holter.model/1",
        "study_digest": record.study_digest,
        "classes": result["classes"],
    }
    return [
        *(
            ["model.safetensors does not say what the run says"]
            if canonical(record.model_about) != canonical(about_model)
            else []
        ),
        *_differing("privacy.", said, expected),
        *(f"result.json says more: privacy.{name}" for name in said.keys() - expected.keys()),
        *_differing("rounds.", result["rounds"], counts),
        *_differing("study.", result["study"], about),
        *_differing("", result, whose),
        *_differing("secure_aggregation.", result["secure_aggregation"], record.secure),
        *_differing("people.", result["people"], {"training": record.people[-1]}),
    ]


def _differing(part: str, said: Entry, expected: Entry) -> Iterable[str]:
    for name, value in expected.items():
        if name not in said or canonical(said[name]) != canonical(value):
            yield f"result.json says {part}{name} = {said.get(name)!r}, recomputed it is {value!r}"


def _paths(record: Record) -> float | None:
    """The middle one of three paths to epsilon, if they come out in order. Raises OrderBroken."""
    plan = record.promised
    if plan.guarantee() is None:
        return None
    rho = plan.contract.rho_units * plan.max_participations / RHO_UNITS
    try:
        return accountant.epsilons(rho, plan.delta).pld
    except NotAccountable:  # beyond what the library computes; the report says so
        return None
