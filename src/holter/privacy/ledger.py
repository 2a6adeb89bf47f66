"""What is spent, written before it is spent; and the refusal to spend more.

A device's ledger holds one charge per participation, in integers of 1e-9 rho, before the
contribution leaves; a charge is never taken back. The population ledger is the server's
record of the worst case over devices. Both are lines of JSON, each holding the hash of the
line before it, so a line that is changed or missing shows.

Nothing here opens a file: a ledger is a value, ``charge`` returns the next one and the
bytes to append (and to make durable) before the upload.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from holter.crypto import labels

GENESIS = hashlib.sha256(labels.LEDGER).hexdigest()  # "previous" of the first line


class Refused(Exception):
    """A device declines. ``reason`` is machine-readable; it is never sent to the server."""

    def __init__(self, reason: str, explanation: str) -> None:
        super().__init__(explanation)
        self.reason = reason


class Tampered(ValueError):
    """A ledger whose chain does not hold. A device treats it as spent."""


@dataclass(frozen=True)
class Contract:
    """What one study may ever ask of one device, from the signed plan.

    rho_units: charge of one participation, 1e-9 rho. rounds are numbered from 1.
    """

    plan_hash: str
    rounds: int
    max_participations: int
    min_separation: int
    rho_units: int


@dataclass(frozen=True)
class DeviceLedger:
    """Participations of one device in one study, in order of rounds."""

    contract: Contract
    rounds: tuple[int, ...] = ()
    head: str = GENESIS

    def check(self, round_number: int) -> None:
        """Raises Refused where one more participation in ``round_number`` is not allowed."""
        contract = self.contract
        if not 1 <= round_number <= contract.rounds:
            raise Refused("unknown_round", f"round {round_number} is not in the plan")
        if len(self.rounds) >= contract.max_participations:
            raise Refused(
                "max_participations", f"took part {len(self.rounds)} times; that is the limit"
            )
        if self.rounds and round_number <= self.rounds[-1]:
            raise Refused("round_repeated", "this round, or a later one, is charged already")
        if self.rounds and round_number - self.rounds[-1] < contract.min_separation:
            raise Refused(
                "min_separation", f"rounds must lie at least {contract.min_separation} apart"
            )

    def charge(self, round_number: int) -> tuple[DeviceLedger, bytes]:
        """The ledger with one more participation, and the line to append first."""
        self.check(round_number)
        line, head = chained(
            self.head,
            {
                "kind": "charge",
                "plan": self.contract.plan_hash,
                "round": round_number,
                "rho_units": self.contract.rho_units,
            },
        )
        return replace(self, rounds=(*self.rounds, round_number), head=head), line

    @property
    def spent_units(self) -> int:
        """Charged so far, 1e-9 rho."""
        return len(self.rounds) * self.contract.rho_units


@dataclass(frozen=True)
class PopulationLedger:
    """The server's account of the device that was asked most often. It enforces nothing."""

    contract: Contract
    participations: Mapping[int, int] = field(default_factory=dict)
    head: str = GENESIS

    def opening(self) -> tuple[PopulationLedger, bytes]:
        """The first line: the contract itself."""
        contract = self.contract
        line, head = chained(
            self.head,
            {
                "kind": "contract",
                "plan": contract.plan_hash,
                "rounds": contract.rounds,
                "max_participations": contract.max_participations,
                "min_separation": contract.min_separation,
                "rho_units": contract.rho_units,
            },
        )
        return replace(self, head=head), line

    def record(
        self, round_number: int, asked: Iterable[int], *, reported: int, outcome: str
    ) -> tuple[PopulationLedger, bytes]:
        """One round: everyone asked is counted, whatever became of the round.

        asked: device numbers, kept in memory only; the line holds counts, never who.
        """
        counts = dict(self.participations)
        chosen = list(asked)
        for device in chosen:
            counts[device] = counts.get(device, 0) + 1
        most = max(counts.values(), default=0)
        line, head = chained(
            self.head,
            {
                "kind": "round",
                "round": round_number,
                "asked": len(chosen),
                "reported": reported,
                "outcome": outcome,
                "most_participations": most,
                "most_spent_rho_units": most * self.contract.rho_units,
            },
        )
        return replace(self, participations=counts, head=head), line

    @property
    def most_participations(self) -> int:
        """Of any one device so far."""
        return max(self.participations.values(), default=0)


def chained(previous: str, entry: Mapping[str, Any]) -> tuple[bytes, str]:
    """A line that names the hash of the line before it; returns (line, its own hash)."""
    body = json.dumps({**entry, "previous": previous}, sort_keys=True, separators=(",", ":"))
    line = body.encode() + b"\n"
    return line, hashlib.sha256(line).hexdigest()


def verify(data: bytes, head: str) -> list[dict[str, Any]]:
    """The entries of a ledger, if its chain holds from the first line to ``head``.

    head: hash of the last line, kept apart from the ledger (a result, a signed record), since
    nothing in the ledger itself can speak for its last line. Raises Tampered.
    """
    previous, entries = GENESIS, []
    for number, line in enumerate(data.splitlines(keepends=True), start=1):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            raise Tampered(f"line {number} of the ledger is not JSON") from None
        if not isinstance(entry, dict) or entry.get("previous") != previous:
            raise Tampered(f"line {number} of the ledger does not follow the line before it")
        previous = hashlib.sha256(line).hexdigest()
        entries.append(entry)
    if previous != head:
        raise Tampered("the ledger does not end where it should: a last line changed or missing")
    return entries
