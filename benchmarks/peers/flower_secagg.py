"""One secure-aggregation session of Flower's SecAgg+, against the same round without it.

    benchmarks/peers/environment
    build/peers/flower/bin/python benchmarks/peers/flower_secagg.py --clients 50 --shares 50

Flower's SecAggPlusWorkflow and secaggplus_mod run unmodified. Between them is a grid of our own
that hands each message to its client by a function call, so that neither Ray nor gRPC is counted
against Flower. Prints one JSON line; README.md says what its keys mean.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.metadata import version

# Read when Flower and Ray are imported: a benchmark reports to nobody.
os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import numpy as np
from flwr.app import ConfigRecord, Context, Message, MessageType, RecordDict
from flwr.client import NumPyClient
from flwr.client.mod import secaggplus_mod
from flwr.clientapp import ClientApp
from flwr.common.serde import recorddict_to_proto
from flwr.server import LegacyContext, ServerApp, ServerConfig
from flwr.server.strategy import FedAvg
from flwr.server.workflow import DefaultWorkflow, SecAggPlusWorkflow
from flwr.server.workflow.constant import MAIN_PARAMS_RECORD
from flwr.server.workflow.default_workflows import default_fit_workflow
from flwr.serverapp import Grid
from flwr.simulation import run_simulation
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity
from numpy.typing import NDArray

RUN, SERVER = 1, 1
CLIPPING, LEVELS = 8.0, 1 << 22  # Flower's defaults
STEP = 2 * CLIPPING / LEVELS  # no client is rounded by more, so neither is their mean

Vector = NDArray[np.float32]
FitWorkflow = Callable[[Grid, LegacyContext], None]


@dataclass(frozen=True)
class Session:
    """What the command line asks for."""

    clients: int
    parameters: int
    shares: int
    threshold: int | float

    def vector(self, client: int) -> Vector:
        """What a client contributes: the same at every call, between -1 and 1."""
        dice = np.random.default_rng(client)
        return 2 * dice.random(self.parameters, dtype=np.float32) - 1

    def secagg(self) -> SecAggPlusWorkflow:
        """Flower's workflow; every client weighs 1, the weight at which its rounding is finest."""
        return SecAggPlusWorkflow(
            num_shares=self.shares,
            reconstruction_threshold=self.threshold,
            max_weight=1.0,
            clipping_range=CLIPPING,
            quantization_range=LEVELS,
        )


@dataclass
class Measured:
    """One fit round: its times and what it left as the global model."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    aggregate: NDArray[np.floating] = field(default_factory=lambda: np.empty(0))


class Wearer(NumPyClient):
    """A client that has finished training before it is asked."""

    def __init__(self, vector: Vector) -> None:
        self.vector = vector

    def get_parameters(self, config: dict) -> list[Vector]:
        """The model to start from, asked of one client before the clock runs: it wakes Ray up."""
        return [np.zeros_like(self.vector)]

    def fit(self, parameters: list, config: dict) -> tuple[list[Vector], int, dict]:
        """The vector, with weight 1."""
        return [self.vector], 1, {}


def client_app(vector: Callable[[int], Vector], mods: list) -> ClientApp:
    """The client side as Flower's documentation writes it."""

    def client_fn(context: Context):
        return Wearer(vector(int(context.node_config["partition-id"]))).to_client()

    return ClientApp(client_fn=client_fn, mods=mods)


class DirectGrid(Grid):
    """A grid whose network is a function call, one client after the other, in one process."""

    def __init__(self, app: ClientApp, clients: int) -> None:
        TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = RUN, SERVER, 1
        self.app = app
        self.replies: list[Message] = []
        self.contexts: dict[int, Context] = {}
        for partition in range(clients):
            node = secrets.randbits(63)  # as wide as Flower's own, for the sizes of messages
            config = {"partition-id": partition, "num-partitions": clients}
            self.contexts[node] = Context(RUN, node, config, RecordDict(), {})

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> list[Message]:
        """Every client's answer."""
        replies = []
        for message in messages:
            message.content = with_own_configs(message.content)
            replies.append(self.app(message, self.contexts[message.metadata.dst_node_id]))
        self.replies += replies  # counted after the clock has stopped
        return replies

    def get_node_ids(self) -> list[int]:
        """All clients, always connected."""
        return list(self.contexts)

    @property
    def run(self) -> Run:
        """The only run there is."""
        return Run.create_empty(run_id=RUN)

    def set_run(self, run: Run) -> None:
        """Nothing to choose."""

    def create_message(self, *args: object, **kwargs: object) -> Message:
        """Deprecated in Flower, and no workflow calls it."""
        raise NotImplementedError

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        """No workflow calls it."""
        raise NotImplementedError

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        """No workflow calls it."""
        raise NotImplementedError


def with_own_configs(content: RecordDict) -> RecordDict:
    """Fresh config records: the server sends one object to all, and clients pop keys off it."""
    own = RecordDict(dict(content))
    for name, record in content.config_records.items():
        own[name] = ConfigRecord(dict(record))
    return own


def fit_round(session: Session, workflow: FitWorkflow, grid: Grid, context: Context) -> Measured:
    """One round of Flower's DefaultWorkflow, its fit workflow on the clock."""
    strategy = FedAvg(
        fraction_evaluate=0.0,
        min_fit_clients=session.clients,
        min_available_clients=session.clients,
    )
    legacy = LegacyContext(context, config=ServerConfig(num_rounds=1), strategy=strategy)
    measured = Measured()

    def timed(grid: Grid, context: LegacyContext) -> None:
        began, cpu_began = time.perf_counter(), time.process_time()
        workflow(grid, context)
        measured.seconds = time.perf_counter() - began
        measured.cpu_seconds = time.process_time() - cpu_began

    DefaultWorkflow(fit_workflow=timed)(grid, legacy)
    measured.aggregate = legacy.state.array_records[MAIN_PARAMS_RECORD].to_numpy_ndarrays()[0]
    return measured


def in_process(session: Session, secure: bool) -> tuple[Measured, int]:
    """A round through the direct grid, and the bytes that one client sends in it."""
    vectors = [session.vector(client) for client in range(session.clients)]
    mods, workflow = ([secaggplus_mod], session.secagg()) if secure else ([], default_fit_workflow)
    grid = DirectGrid(client_app(vectors.__getitem__, mods), session.clients)
    context = Context(RUN, SERVER, {}, RecordDict(), {})
    measured = fit_round(session, workflow, grid, context)
    sent = [r.content for r in grid.replies if r.metadata.message_type == MessageType.TRAIN]
    size = sum(recorddict_to_proto(content).ByteSize() for content in sent)
    return measured, round(size / session.clients)


def in_simulation(session: Session, secure: bool) -> Measured:
    """The same round through Flower's simulation runtime: Ray, one core a client."""
    rounds: list[Measured] = []
    mods, workflow = ([secaggplus_mod], session.secagg()) if secure else ([], default_fit_workflow)
    server = ServerApp()

    @server.main()
    def main(grid: Grid, context: Context) -> None:
        rounds.append(fit_round(session, workflow, grid, context))

    run_simulation(
        server_app=server,
        client_app=client_app(session.vector, mods),
        num_supernodes=session.clients,
        backend_config={"client_resources": {"num_cpus": 1, "num_gpus": 0.0}},
    )
    return rounds[0]


def error(session: Session, measured: Measured) -> float:
    """Largest distance of the aggregate from the plain mean; ends the run if it is no rounding."""
    total = np.zeros(session.parameters)
    for client in range(session.clients):
        total += session.vector(client)
    worst = float(np.abs(measured.aggregate - total / session.clients).max())
    if not worst <= STEP:
        sys.exit(f"the aggregate is wrong: off by {worst}, and rounding explains {STEP}")
    return worst


def report(session: Session, simulation: bool) -> dict[str, object]:
    """All that is measured, in the order in which it is printed."""
    in_process(session, secure=False)  # warm-up, not counted
    plain, _ = in_process(session, secure=False)
    secure, upload = in_process(session, secure=True)
    error(session, plain)
    line: dict[str, object] = {
        "peer": "flwr",
        "version": version("flwr"),
        "clients": session.clients,
        "parameters": session.parameters,
        "neighbours": session.shares - 1,
        "threshold": session.secagg().reconstruction_threshold,
        "seconds": round(secure.seconds, 3),
        "cpu_seconds": round(secure.cpu_seconds, 3),
        "seconds_without": round(plain.seconds, 3),
        "upload_bytes_per_client": upload,
        "exact": error(session, secure),
    }
    if simulation:
        with_ray = in_simulation(session, secure=True)
        error(session, with_ray)
        line["seconds_simulation"] = round(with_ray.seconds, 3)
        line["seconds_simulation_without"] = round(in_simulation(session, False).seconds, 3)
    return line


def number(text: str) -> int | float:
    """An integer is a count, anything else a proportion: so Flower reads it too."""
    return int(text) if text.isdigit() else float(text)


def main() -> None:
    parser = argparse.ArgumentParser(description="One session of Flower's SecAgg+")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--parameters", type=int, default=100_000)
    parser.add_argument("--shares", type=int, default=50, help="neighbours + 1")
    parser.add_argument("--threshold", type=number, default=0.6, help="of the shares, or a count")
    parser.add_argument("--simulation", action="store_true", help="through Ray as well")
    asked = parser.parse_args()
    if asked.shares > asked.clients or (asked.shares < asked.clients and asked.shares % 2 == 0):
        parser.error("--shares must be --clients, or fewer and odd: Flower's graph asks for it")
    logging.getLogger("flwr").setLevel(logging.ERROR)
    session = Session(asked.clients, asked.parameters, asked.shares, asked.threshold)
    print(json.dumps(report(session, asked.simulation)))


if __name__ == "__main__":
    main()
