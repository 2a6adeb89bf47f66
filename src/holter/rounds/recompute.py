"""A run's promise, computed again from its ledger and its plan; every difference is named.

Nothing that a result says is believed: the chain and its signatures, the plan's grid and hash,
what each line says was spent, who was asked against the journal, the three paths to epsilon, the
whole ``privacy`` part, and the model's digest are made again and compared. A difference is a
fault of the record (or of holter), never of the reader: the command ends with exit code 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holter.privacy import accountant, chain
from holter.privacy.accountant import RHO_UNITS
from holter.rounds.acceptance import SIMULATION, PlanRefused, check_plan
from holter.rounds.plan import Plan
from holter.rounds.planning import deployment, make_plan
from holter.rounds.statement import privacy_block
from holter.rounds.study import Study
from holter.rounds.tables import StudyError

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Record:
    """What a run folder holds, read but not believed. people: who train, of each training."""

    study: Study
    study_digest: str
    plans: tuple[Plan, ...]
    people: tuple[int, ...]
    fleet: Plan | None
    ledger: bytes
    journal: Sequence[Entry]
    result: Mapping[str, Any]
    model_digest: str

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
    """What the ledger says, and where anything else says otherwise."""

    campaigns: tuple[Campaign, ...]
    differences: tuple[str, ...]


def recompute(record: Record) -> Account:
    """The account of a run. Without differences everything it states follows from its ledger."""
    privacy = record.result["privacy"]
    try:
        key = bytes.fromhex(privacy["ledger_key"])
        entries = chain.verify(record.ledger, privacy["ledger_head"], chain.checker(key))
    except (chain.Tampered, ValueError) as error:
        return Account((), (str(error),))
    campaigns = _campaigns(entries)
    found = [
        *_plans(record),
        *_contracts(record, campaigns),
        *(d for n, one in enumerate(campaigns) for d in _rounds(record, n, one)),
        *_published(record, entries),
        *_stated(record, campaigns),
        *_paths(record),
    ]
    return Account(campaigns, tuple(found))


def _campaigns(entries: Sequence[Entry]) -> tuple[Campaign, ...]:
    found: list[Campaign] = []
    for entry in entries:
        if entry["kind"] == "contract":
            found.append(Campaign(entry, (), None))
        elif found and entry["kind"] == "round":
            last = found[-1]
            found[-1] = Campaign(last.contract, (*last.rounds, entry), last.stopped)
        elif found and entry["kind"] == "stopped":
            found[-1] = Campaign(found[-1].contract, found[-1].rounds, entry)
    return tuple(found)


def _plans(record: Record) -> list[str]:
    """Each plan keeps its own promise, and is what the study asks for."""
    found = []
    for number, (plan, people) in enumerate(zip(record.plans, record.people, strict=True)):
        where = f"the plan of training {number + 1}"
        if plan.protocol != "plain":  # no device takes part in those; they promise nothing
            try:
                check_plan(plan, SIMULATION)
            except PlanRefused as refusal:
                found.append(f"{where}: {refusal}")
        try:
            if make_plan(record.study, people=people, layout=plan.layout) != plan:
                found.append(f"{where} is not what the study asks for")
        except StudyError as error:
            found.append(f"{where}: {error}")
    if record.fleet is not None:
        try:
            if deployment(record.study, layout=record.fleet.layout) != record.fleet:
                found.append("the fleet's plan is not what the study asks for")
        except StudyError as error:
            found.append(f"the fleet's plan: {error}")
    return found


def _contracts(record: Record, campaigns: Sequence[Campaign]) -> list[str]:
    if len(campaigns) != len(record.plans):
        return [f"the ledger has {len(campaigns)} contracts for {len(record.plans)} trainings"]
    found = []
    for number, (plan, campaign) in enumerate(zip(record.plans, campaigns, strict=True)):
        contract, entry = plan.contract, campaign.contract
        said = {**vars(contract), "plan": contract.plan_hash}
        for name in ("plan", "rounds", "max_participations", "min_separation", "rho_units", "task"):
            if entry.get(name) != said[name]:
                found.append(
                    f"training {number + 1}: the ledger's contract says {name} "
                    f"{entry.get(name)}, the plan gives {said[name]}"
                )
    return found


def _rounds(record: Record, number: int, campaign: Campaign) -> list[str]:
    """Every line of a training against its plan and against the journal."""
    if number >= len(record.plans):
        return []
    plan, found = record.plans[number], []
    told = {e["round"]: e for e in record.journal if e["event"] == "round" and e["fold"] == number}
    units, most = plan.contract.rho_units, 0
    for expected, entry in enumerate(campaign.rounds, start=1):
        where = f"training {number + 1}, round {expected}"
        if entry["round"] != expected:
            found.append(f"{where}: the ledger goes on with round {entry['round']}")
            break
        now = entry["most_participations"]
        if not most <= now <= min(most + 1, plan.max_participations):
            found.append(f"{where}: a device has taken part {now} times, before it was {most}")
        if entry["most_spent_rho_units"] != campaign.contract["earlier_units"] + now * units:
            found.append(f"{where}: {now} participations do not cost what the ledger says")
        if entry["asked"] > plan.asked_per_round:
            found.append(f"{where}: {entry['asked']} were asked, the plan asks fewer")
        if entry["outcome"] == "closed" and entry["reported"] < plan.counts.survivors_floor:
            found.append(
                f"{where}: opened with {entry['reported']} survivors, "
                f"{plan.counts.survivors_floor} are the floor"
            )
        if plan.budget_units is not None and now * units > plan.budget_units:
            found.append(f"{where}: a device has passed the budget of the study")
        line = told.get(expected)
        if line is None or any(
            line[name] != entry[name] for name in ("asked", "reported", "outcome")
        ):
            found.append(f"{where}: the journal tells it differently")
        most = now
    if len(told) != len(campaign.rounds):
        found.append(f"training {number + 1}: the journal tells of another number of rounds")
    if len(campaign.rounds) < plan.rounds and campaign.stopped is None:
        found.append(f"training {number + 1}: ended before its last round without a reason")
    return found


def _published(record: Record, entries: Sequence[Entry]) -> list[str]:
    last = entries[-1] if entries else {"kind": "nothing"}
    if last["kind"] != "published":
        return ["the ledger does not end with a published model"]
    if last["model_sha256"] != record.model_digest:
        return ["the model is not the one that the ledger names"]
    return []


def _stated(record: Record, campaigns: Sequence[Campaign]) -> list[str]:
    """The result's own words and numbers."""
    result, privacy = record.result, record.result["privacy"]
    head, key = privacy["ledger_head"], bytes.fromhex(privacy["ledger_key"])
    expected = privacy_block(record.promised, head, key, record.study.privacy.meant_for)
    found = [
        f"result.json says privacy.{name} = {privacy.get(name)!r}, recomputed it is {value!r}"
        for name, value in expected.items()
        if privacy.get(name) != value
    ]
    found += [f"result.json says more: privacy.{name}" for name in privacy.keys() - expected.keys()]
    if result["study"]["digest"] != record.study_digest:
        found.append("study.toml is not the study that was run")
    if campaigns:
        rounds = campaigns[-1].rounds
        counted = {
            "closed": sum(entry["outcome"] == "closed" for entry in rounds),
            "asked": sum(entry["asked"] for entry in rounds),
            "reported": sum(entry["reported"] for entry in rounds),
        }
        found += [
            f"result.json says rounds.{name} = {result['rounds'][name]}, the ledger adds to {value}"
            for name, value in counted.items()
            if result["rounds"][name] != value
        ]
    return found


def _paths(record: Record) -> list[str]:
    """The same epsilon by three paths, in their order."""
    plan = record.promised
    if plan.guarantee() is None:
        return []
    rho = plan.contract.rho_units * plan.max_participations / RHO_UNITS
    try:
        accountant.epsilons(rho, plan.delta)
    except ValueError as error:  # OrderBroken, or beyond what the library computes
        return [str(error)] if isinstance(error, accountant.OrderBroken) else []
    return []
