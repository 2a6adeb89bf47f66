"""The server's record of the worst case: the device that was asked most often, and its charge.

It plans and reports, and enforces nothing: devices refuse by themselves (``device_ledger``).
Whoever was asked is counted, whatever became of the round, for a device that has charged an
upload keeps that charge when the round is abandoned. So the record is never below any device's
ledger, as long as devices are asked by this server alone.

Lines of ``chain``, signed where ``sign`` is given, and exported with each model. They hold
counts, never who. Nothing here opens a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from holter.privacy.chain import GENESIS, Sign, chained
from holter.privacy.contract import Contract

_DIGEST_CHARACTERS = 64  # SHA-256 in hex


@dataclass(frozen=True)
class PopulationLedger:
    """The account of one campaign.

    participations: of each device asked so far, by its number; in memory only. head: hash of the
    last line. earlier_units: the most that any device had spent in earlier tasks of the same
    population, 1e-9 rho; the device asked most often may be another one, so the sum of both is
    an upper bound.
    """

    contract: Contract
    participations: Mapping[int, int] = field(default_factory=dict)
    head: str = GENESIS
    earlier_units: int = 0
    sign: Sign | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.earlier_units < 0:
            raise ValueError("earlier tasks have spent 0 or more units of 1e-9 rho")

    @property
    def most_participations(self) -> int:
        """Of any one device so far."""
        return max(self.participations.values(), default=0)

    @property
    def most_spent_rho_units(self) -> int:
        """No device has spent more in this campaign and the earlier tasks, 1e-9 rho."""
        return self.earlier_units + self.most_participations * self.contract.rho_units

    def affords(self, next_most_participations: int, limit_units: int) -> bool:
        """Whether a device asked this often in all stays within ``limit_units`` (1e-9 rho)."""
        spent = self.earlier_units + next_most_participations * self.contract.rho_units
        return spent <= limit_units

    def opening(self) -> tuple[PopulationLedger, bytes]:
        """The first line: the contract itself, and what earlier tasks have spent."""
        contract = self.contract
        return self._written(
            {
                "kind": "contract",
                "plan": contract.plan_hash,
                "rounds": contract.rounds,
                "max_participations": contract.max_participations,
                "min_separation": contract.min_separation,
                "rho_units": contract.rho_units,
                "task": contract.task,
                "earlier_units": self.earlier_units,
            }
        )

    def record(
        self, round_number: int, asked: Iterable[int], *, reported: int, outcome: str
    ) -> tuple[PopulationLedger, bytes]:
        """One round: everyone asked is counted, whatever became of the round.

        asked: device numbers, kept in memory only. reported: how many of them. outcome: a word.
        Raises ValueError where more reported than were asked.
        """
        counts = dict(self.participations)
        chosen = list(asked)
        if not 0 <= reported <= len(chosen):
            raise ValueError(f"{reported} reported, but {len(chosen)} were asked")
        for device in chosen:
            counts[device] = counts.get(device, 0) + 1
        following = replace(self, participations=counts)
        return following._written(
            {
                "kind": "round",
                "round": round_number,
                "asked": len(chosen),
                "reported": reported,
                "outcome": outcome,
                **following._most(),
            }
        )

    def published(
        self, round_number: int, model_sha256: str, **beside_it: str
    ) -> tuple[PopulationLedger, bytes]:
        """The model after ``round_number`` was published, and what else this line answers for.

        model_sha256: 64 hex digits, lower case. beside_it: further digests of the same form, by the
        name of what they are of (``study=``, ``result=``); each stands as ``<name>_sha256``.
        """
        digests = {"model": model_sha256, **beside_it}
        for name, digest in digests.items():
            if len(digest) != _DIGEST_CHARACTERS or not set(digest) <= set("0123456789abcdef"):
                raise ValueError(f"a {name} is named by its SHA-256, 64 hex digits")
        return self._written(
            {
                "kind": "published",
                "round": round_number,
                **{f"{name}_sha256": digest for name, digest in digests.items()},
                **self._most(),
            }
        )

    def stopped(self, reason: str, round_number: int) -> tuple[PopulationLedger, bytes]:
        """The campaign goes no further than ``round_number``. reason: of the server, a word."""
        return self._written(
            {"kind": "stopped", "round": round_number, "reason": reason, **self._most()}
        )

    def _most(self) -> dict[str, int]:
        return {
            "most_participations": self.most_participations,
            "most_spent_rho_units": self.most_spent_rho_units,
        }

    def _written(self, entry: Mapping[str, Any]) -> tuple[PopulationLedger, bytes]:
        line, head = chained(self.head, entry, self.sign)
        return replace(self, head=head), line
