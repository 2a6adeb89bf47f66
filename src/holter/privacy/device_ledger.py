"""Everything one device has spent, over all its tasks and queries; and the refusal to spend more.

A value: no file, no clock. Every call that changes something returns the next ledger and the
line to append; the line is made durable (``device.vault``) before the next ledger is used and
before anything leaves. A charge is never given back. A campaign is reserved whole when it is
joined, so that none dies half-way for want of budget.

``restored`` lives a ledger again, line by line, under the same rules: a line that these rules
would not have written, byte for byte, makes the ledger corrupt, and a corrupt ledger is spent.

Units are integers of 1e-9 rho (``accountant.RHO_UNITS``): every charge was rounded up, every
limit down. Minutes are whole minutes since 1970. They may stand still but never go back, not even
a little: a tolerance would let a clock walk back step by step, and a clock that is set right by a
second costs at most the wait of a minute. Nothing is renewed with time, for what a recording
tells does not expire.

Read ``contract`` first, then ``DeviceLedger.join`` and ``charge``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from holter.privacy.chain import GENESIS, Check, Sign, Tampered, chained, entry_of
from holter.privacy.contract import Campaign, Contract, Limits, Refused


@dataclass(frozen=True)
class DeviceLedger:
    """One device's ledger. Make it with ``opened`` or ``restored``.

    campaigns: by plan hash. answers: charge of every query answered, by its name. spent_before:
    by an earlier ledger of the same wearer. minute: of the last entry. head: hash of the last
    line. sign: signs further lines; two ledgers are equal whoever signs them.
    """

    limits: Limits
    campaigns: Mapping[str, Campaign]
    answers: Mapping[str, int]
    spent_before: int
    minute: int
    head: str
    sign: Sign | None = field(default=None, repr=False, compare=False)

    @classmethod
    def opened(
        cls, limits: Limits, minute: int, sign: Sign | None = None, *, spent_before: int = 0
    ) -> tuple[DeviceLedger, bytes]:
        """A new ledger, and its first line.

        spent_before: 1e-9 rho. A device that is enrolled again without its former ledger is
        opened with the whole lifetime spent, since an empty ledger cannot be told from a lost one.
        """
        if spent_before < 0 or minute < 0:
            raise ValueError("what was spent, and the minute, are 0 or more")
        entry = {
            "kind": "opened",
            "lifetime_units": limits.lifetime_units,
            "task_units": limits.task_units,
            "spent_before": spent_before,
        }
        return cls(limits, {}, {}, spent_before, minute, GENESIS, sign)._written(entry, minute)

    @classmethod
    def restored(
        cls, data: bytes, head: str | None, check: Check | None, sign: Sign | None = None
    ) -> DeviceLedger:
        """The ledger whose lines these are; ``sign`` signs further ones.

        head: hash of the last line, kept apart; None where nobody knows it, and then lines that
        are missing at the end do not show. check: None accepts a ledger without signatures.
        Raises Refused("ledger_corrupt"), also for no lines at all.
        """
        ledger: DeviceLedger | None = None
        for number, line in enumerate(data.splitlines(keepends=True), start=1):
            try:
                ledger = _first(line, check) if ledger is None else ledger.followed(line, check)
            except Refused as refusal:
                raise Refused("ledger_corrupt", f"line {number}: {refusal}") from None
        if ledger is None or (head is not None and ledger.head != head):
            raise Refused("ledger_corrupt", "the ledger does not end where it should")
        return replace(ledger, sign=sign)

    def followed(self, line: bytes, check: Check | None) -> DeviceLedger:
        """The ledger after one more line that was written elsewhere (a round's machine, a file).

        Guarantees: a call here, with what the line says, would have written these very bytes.
        Raises Refused("ledger_corrupt").
        """
        try:
            entry = entry_of(line, check)
            signed = entry.get("signature")
            echo = None if signed is None else (lambda _: bytes.fromhex(signed))
            following, own = _lived(replace(self, sign=echo), entry)
        except (Tampered, Refused, ValueError, KeyError, TypeError):
            raise Refused("ledger_corrupt", "a line that this ledger cannot have next") from None
        if own != line:
            raise Refused("ledger_corrupt", "a line that this ledger cannot have next")
        return replace(following, sign=self.sign)

    @property
    def spent_units(self) -> int:
        """Charged so far, 1e-9 rho: by campaigns, single answers and an earlier ledger."""
        campaigns = sum(campaign.spent_units for campaign in self.campaigns.values())
        return self.spent_before + sum(self.answers.values()) + campaigns

    @property
    def reserved_units(self) -> int:
        """Held for campaigns that are joined and not left, 1e-9 rho."""
        return sum(one.committed_units - one.spent_units for one in self.campaigns.values())

    @property
    def left_units(self) -> int:
        """Neither spent nor reserved, 1e-9 rho; 0 where the limit was lowered below both."""
        return max(0, self.limits.lifetime_units - self.spent_units - self.reserved_units)

    def join(self, contract: Contract, minute: int) -> tuple[DeviceLedger, bytes]:
        """Accept a campaign, once, and reserve all of it.

        Raises Refused: unknown_plan if it was joined before (left or not), budget_exhausted if
        the whole of it does not fit beside everything spent and reserved, clock_rollback.
        """
        self._check_clock(minute)
        if contract.plan_hash in self.campaigns:
            raise Refused("unknown_plan", "this campaign was joined before")
        held = [one for one in self.campaigns.values() if one.contract.task == contract.task]
        of_task = sum(campaign.committed_units for campaign in held)
        self._check_budget(contract.campaign_units, of_task)
        following = replace(
            self, campaigns={**self.campaigns, contract.plan_hash: Campaign(contract)}
        )
        return following._written(
            {
                "kind": "join",
                "plan": contract.plan_hash,
                "rounds": contract.rounds,
                "max_participations": contract.max_participations,
                "min_separation": contract.min_separation,
                "rho_units": contract.rho_units,
                "task": contract.task,
            },
            minute,
        )

    def check(self, plan_hash: str, round_number: int, minute: int) -> None:
        """Raises Refused where ``charge`` would; changes nothing."""
        self._check_clock(minute)
        campaign = self._joined(plan_hash)
        contract, rounds = campaign.contract, campaign.rounds
        if not 1 <= round_number <= contract.rounds:
            raise Refused("unknown_round", f"round {round_number} is not in the plan")
        if rounds and round_number <= rounds[-1]:
            raise Refused("round_repeated", "this round, or a later one, is charged already")
        if len(rounds) >= contract.max_participations:
            raise Refused("max_participations", "took part as often as the plan allows")
        if rounds and round_number - rounds[-1] < contract.min_separation:
            raise Refused(
                "min_separation", f"rounds must lie at least {contract.min_separation} apart"
            )
        # Reserved at joining, so it fits, unless the wearer has lowered the limits since.
        of_task = sum(
            one.spent_units for one in self.campaigns.values() if one.contract.task == contract.task
        )
        if (
            self.spent_units + contract.rho_units > self.limits.lifetime_units
            or of_task + contract.rho_units > self.limits.task_units
        ):
            raise Refused("budget_exhausted", "the limits were lowered below this campaign")

    def charge(self, plan_hash: str, round_number: int, minute: int) -> tuple[DeviceLedger, bytes]:
        """One participation, charged whether or not the round comes to anything.

        Raises Refused: clock_rollback, unknown_plan, unknown_round, round_repeated,
        max_participations, min_separation, budget_exhausted.
        """
        self.check(plan_hash, round_number, minute)
        campaign = self.campaigns[plan_hash]
        charged = Campaign(campaign.contract, (*campaign.rounds, round_number))
        following = replace(self, campaigns={**self.campaigns, plan_hash: charged})
        return following._written(
            {
                "kind": "charge",
                "plan": plan_hash,
                "round": round_number,
                "rho_units": campaign.contract.rho_units,
            },
            minute,
        )

    def ask(self, query: str, rho_units: int, minute: int) -> tuple[DeviceLedger, bytes]:
        """A single answer, charged once, out of what is neither spent nor reserved.

        query: its name, never used again: the same answer may be resent, a fresh one is a new
        query. Each query is a task of its own. Raises Refused: clock_rollback, round_repeated,
        budget_exhausted; ValueError for a negative charge.
        """
        self._check_clock(minute)
        if rho_units < 0:
            raise ValueError("an answer costs 0 or more units of 1e-9 rho")
        if query in self.answers:
            raise Refused("round_repeated", "this query is charged already")
        self._check_budget(rho_units, of_task=0)
        following = replace(self, answers={**self.answers, query: rho_units})
        return following._written({"kind": "ask", "query": query, "rho_units": rho_units}, minute)

    def leave(self, plan_hash: str, minute: int) -> tuple[DeviceLedger, bytes]:
        """Leave a campaign for good: its reservation is free again, its charges stay.

        Raises Refused: clock_rollback, unknown_plan.
        """
        self._check_clock(minute)
        gone = replace(self._joined(plan_hash), left=True)
        following = replace(self, campaigns={**self.campaigns, plan_hash: gone})
        return following._written({"kind": "leave", "plan": plan_hash}, minute)

    def lower(self, limits: Limits, minute: int) -> tuple[DeviceLedger, bytes]:
        """Lower limits from now on, also for campaigns under way: they stop where they no longer fit.

        Raises ValueError where a limit would rise, Refused: clock_rollback.
        """
        self._check_clock(minute)
        lower = self.limits.lowered(
            lifetime_units=limits.lifetime_units, task_units=limits.task_units
        )
        entry = {
            "kind": "lower",
            "lifetime_units": lower.lifetime_units,
            "task_units": lower.task_units,
        }
        return replace(self, limits=lower)._written(entry, minute)

    def _written(self, entry: Mapping[str, Any], minute: int) -> tuple[DeviceLedger, bytes]:
        line, head = chained(self.head, {**entry, "minute": minute}, self.sign)
        return replace(self, minute=minute, head=head), line

    def _check_clock(self, minute: int) -> None:
        if minute < self.minute:
            raise Refused("clock_rollback", "the clock shows less than at the last entry")

    def _check_budget(self, units: int, of_task: int) -> None:
        """of_task: what its task has spent or reserved already. Compares before it subtracts:
        ``left_units`` stops at 0 and would let a free campaign through where limits were lowered."""
        if self.spent_units + self.reserved_units + units > self.limits.lifetime_units:
            raise Refused("budget_exhausted", "does not fit into the limit for a lifetime")
        if of_task + units > self.limits.task_units:
            raise Refused("budget_exhausted", "does not fit into the limit for one task")

    def _joined(self, plan_hash: str) -> Campaign:
        campaign = self.campaigns.get(plan_hash)
        if campaign is None or campaign.left:
            raise Refused("unknown_plan", "this campaign was never joined, or was left for good")
        return campaign


def _first(line: bytes, check: Check | None) -> DeviceLedger:
    """From an empty ledger: its first line can only be one that ``opened`` writes."""
    nothing = DeviceLedger(Limits(0, 0), {}, {}, 0, 0, GENESIS)
    return nothing.followed(line, check)


def _lived(ledger: DeviceLedger, entry: Mapping[str, Any]) -> tuple[DeviceLedger, bytes]:
    """The call that an entry stands for, made again. Raises Refused, ValueError, KeyError."""
    minute = _whole(entry, "minute")
    if entry["kind"] != "opened" and ledger.head == GENESIS:
        raise ValueError("a ledger begins by being opened")
    match entry["kind"]:
        case "opened":  # names GENESIS as the line before, so it is the first line or none
            limits = Limits(_whole(entry, "lifetime_units"), _whole(entry, "task_units"))
            spent_before = _whole(entry, "spent_before")
            return DeviceLedger.opened(limits, minute, ledger.sign, spent_before=spent_before)
        case "join":
            return ledger.join(
                Contract(
                    _text(entry, "plan"),
                    _whole(entry, "rounds"),
                    _whole(entry, "max_participations"),
                    _whole(entry, "min_separation"),
                    _whole(entry, "rho_units"),
                    _text(entry, "task"),
                ),
                minute,
            )
        case "charge":
            return ledger.charge(_text(entry, "plan"), _whole(entry, "round"), minute)
        case "ask":
            return ledger.ask(_text(entry, "query"), _whole(entry, "rho_units"), minute)
        case "leave":
            return ledger.leave(_text(entry, "plan"), minute)
        case "lower":
            limits = Limits(_whole(entry, "lifetime_units"), _whole(entry, "task_units"))
            return ledger.lower(limits, minute)
        case _:
            raise ValueError("a kind of entry that no ledger has")


def _whole(entry: Mapping[str, Any], name: str) -> int:
    value = entry[name]
    if type(value) is not int:  # neither True nor 3.0
        raise TypeError(f"{name} is no whole number")
    return value


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value
