"""Where one training stands between two rounds: everything that a resumed run needs.

All other numbers of a run follow from the study's seed and the round, so they are not kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from holter.learning import server_optimizer
from holter.learning.model import Vector
from holter.learning.server_optimizer import ServerState
from holter.privacy import correlated, matrix
from holter.privacy.chain import Sign
from holter.privacy.correlated import Stream
from holter.privacy.device_ledger import DeviceLedger
from holter.privacy.population_ledger import PopulationLedger
from holter.rounds.cohort import Participation
from holter.rounds.plan import Plan
from holter.simulator.outcome import Outcome, Traffic
from holter.simulator.population import MINUTE, virtual_ledger


@dataclass(frozen=True)
class Tally:
    """Counts over the rounds so far. reasons: why rounds were abandoned, and how often."""

    asked: int = 0
    reported: int = 0
    dropped: int = 0
    closed: int = 0
    abandoned: int = 0
    carried: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    traffic: Traffic | None = None

    def after(self, outcome: Outcome, asked: int, traffic: Traffic | None, via: str) -> Tally:
        """With one more round."""
        reasons = dict(self.reasons)
        if outcome.reason is not None:
            reasons[outcome.reason] = reasons.get(outcome.reason, 0) + 1
        return replace(
            self,
            asked=self.asked + asked,
            reported=self.reported + outcome.reported,
            dropped=self.dropped + outcome.dropped,
            closed=self.closed + (outcome.closed),
            abandoned=self.abandoned + (not outcome.closed),
            carried=self.carried + (via == "protocol"),
            reasons=reasons,
            traffic=traffic if traffic is not None else self.traffic,
        )


@dataclass(frozen=True)
class Progress:
    """One training after ``rounds_done`` rounds.

    clip: of the next round. stream: the server's correlated noise, where the plan has it.
    stopped: why no further round is paid for, once that is so.
    """

    rounds_done: int
    parameters: Vector
    server: ServerState
    averaged: npt.NDArray[np.float64]
    averaged_rounds: int
    participation: Participation
    devices: Mapping[int, DeviceLedger]
    population: PopulationLedger
    tally: Tally
    clip: float
    stream: Stream | None
    stopped: str | None = None

    @classmethod
    def start(
        cls, plan: Plan, parameters: Vector, people: int, *, head: str, sign: Sign
    ) -> Progress:
        """Before the first round. head, sign: of the population's ledger."""
        contract = plan.contract
        return cls(
            rounds_done=0,
            parameters=parameters,
            server=server_optimizer.fresh(len(parameters)),
            averaged=np.zeros(len(parameters)),
            averaged_rounds=0,
            participation=Participation(people, plan.max_participations, plan.min_separation),
            devices=dict.fromkeys(range(people), virtual_ledger(contract)),
            population=PopulationLedger(
                contract, head=head, earlier_units=plan.earlier_units, sign=sign
            ),
            tally=Tally(),
            clip=plan.clip,
            stream=stream_of(plan),
        )

    @property
    def model(self) -> Vector:
        """The model as of now: the mean over the last rounds where one is kept."""
        if not self.averaged_rounds:
            return self.parameters
        return (self.averaged / self.averaged_rounds).astype(np.float32)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The part that is vectors, by name."""
        return {
            "parameters": self.parameters,
            "server.first": self.server.first,
            "server.second": self.server.second,
            "averaged": self.averaged,
            **self._noise_arrays(),
        }

    def _noise_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The server's secrets of the last rounds; in a simulation they follow from the seed."""
        if self.stream is None:
            return {}
        sums, estimates = self.stream.arrays()
        return {"noise.sums": sums, "noise.estimates": estimates}

    def facts(self) -> dict[str, Any]:
        """The part that is not, as JSON can hold it."""
        traffic = self.tally.traffic
        return {
            "rounds_done": self.rounds_done,
            "server_steps": self.server.steps,
            "averaged_rounds": self.averaged_rounds,
            "clip": self.clip,
            "stopped": self.stopped,
            "times": list(self.participation.times.items()),
            "last": list(self.participation.last.items()),
            "charged": [[d, _charged(ledger)] for d, ledger in self.devices.items()],
            "counted": list(self.population.participations.items()),
            "ledger_head": self.population.head,
            "tally": {**vars(self.tally), "traffic": vars(traffic) if traffic else None},
        }

    @classmethod
    def restored(
        cls,
        plan: Plan,
        people: int,
        arrays: Mapping[str, npt.NDArray[Any]],
        facts: Mapping[str, Any],
        *,
        sign: Sign,
    ) -> Progress:
        """From a checkpoint's arrays and facts; the device ledgers are charged again."""
        contract = plan.contract
        devices, fresh = {}, virtual_ledger(contract)
        for device, rounds in facts["charged"]:
            ledger = fresh
            for number in rounds:
                ledger, _ = ledger.charge(contract.plan_hash, number, MINUTE)
            devices[device] = ledger
        tally = dict(facts["tally"])
        traffic = tally.pop("traffic")
        return cls(
            rounds_done=facts["rounds_done"],
            parameters=arrays["parameters"],
            server=ServerState(
                arrays["server.first"], arrays["server.second"], facts["server_steps"]
            ),
            averaged=arrays["averaged"],
            averaged_rounds=facts["averaged_rounds"],
            participation=Participation(
                people,
                plan.max_participations,
                plan.min_separation,
                dict(facts["times"]),
                dict(facts["last"]),
            ),
            devices=devices,
            population=PopulationLedger(
                contract,
                dict(facts["counted"]),
                facts["ledger_head"],
                plan.earlier_units,
                sign,
            ),
            tally=Tally(**tally, traffic=Traffic(**traffic) if traffic else None),
            clip=facts["clip"],
            stream=stream_of(plan, arrays),
            stopped=facts["stopped"],
        )


def _charged(ledger: DeviceLedger) -> list[int]:
    """Rounds that a virtual device has charged; it knows one campaign."""
    (campaign,) = ledger.campaigns.values()
    return list(campaign.rounds)


def stream_of(plan: Plan, arrays: Mapping[str, npt.NDArray[Any]] | None = None) -> Stream | None:
    """The server's correlated noise: as a checkpoint held it, or before the first round."""
    if not plan.correlated:
        return None
    coefficients = matrix.on_grid(matrix.square_root(plan.bands))
    if arrays is None:
        return Stream(coefficients)
    return correlated.restored(coefficients, arrays["noise.sums"], arrays["noise.estimates"])
