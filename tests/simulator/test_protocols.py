"""Every way of summing, through whole small runs: what the outputs say, and that they hold."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from rich.console import Console

from holter.cli.calls import Run
from holter.cli.show import screen

RunSmall = Callable[..., Run]
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "result.schema.json").read_text())
UPLOAD = "aggregation.protocol=one-upload"


def printed(run: Run) -> str:
    """The end of a run as a terminal shows it, on one line."""
    console = Console(file=io.StringIO(), width=78)
    screen(console, run)
    assert isinstance(console.file, io.StringIO)
    return " ".join(console.file.getvalue().replace("│", " ").split())


def test_a_plain_run_says_so_in_every_output(run_small: RunSmall) -> None:
    run = run_small("aggregation.protocol=plain", "privacy.mode=none")
    jsonschema.validate(run.result, SCHEMA)
    secure = run.result["secure_aggregation"]
    assert secure["protocol"] == "plain" and not secure["exact"]
    assert "EVERY SINGLE CONTRIBUTION" in secure["server_saw"]
    assert "NO SECURE AGGREGATION" in run.report.read_text()
    assert "NO SECURE AGGREGATION" in run._repr_html_()
    assert "NO SECURE AGGREGATION" in printed(run)
    assert run.result["traffic"]["upload_bytes_per_client_round"] is None


def test_without_noise_every_protocol_learns_the_very_same_model(run_small: RunSmall) -> None:
    models = []
    for number, override in enumerate(
        ("aggregation.protocol=plain", "aggregation.protocol=secagg", UPLOAD)
    ):
        more = ("privacy.mode=none", "simulation.dropout=0.0", "privacy.colluders=0")
        run = run_small(override, *more, out=f"run{number}")
        models.append((run.report.parent / "model.safetensors").read_bytes()[-400:])
    assert models[0] == models[1] == models[2]


@pytest.mark.parametrize(
    ("overrides", "helpers", "words"),
    [
        ((UPLOAD,), 1, "its one helper"),
        ((UPLOAD, "aggregation.helpers=4"), 4, "two of its four helpers"),
        ((UPLOAD, "aggregation.seal=ml-kem-768-x25519"), 1, "its one helper"),
    ],
)
def test_one_upload_names_whom_it_believes(
    run_small: RunSmall, overrides: tuple[str, ...], helpers: int, words: str
) -> None:
    run = run_small(*overrides)
    jsonschema.validate(run.result, SCHEMA)
    secure, traffic = run.result["secure_aggregation"], run.result["traffic"]
    assert secure["helpers"] == helpers and words in secure["server_saw"]
    assert secure["exact"] and secure["rounds_through_protocol"] == 1
    assert words in printed(run) or "helper, on its own" in printed(run)
    seals = 1136 + 32 if "ml-kem" in "".join(overrides) else 48 + 32 * (3 if helpers == 4 else 1)
    assert traffic["upload_bytes_per_client_round"] > traffic["vector_bytes"] + helpers * seals
    assert traffic["helper_bytes_per_round"] > 0
    assert any("helper" in one for one in run.result["privacy"]["assumptions"])


def test_central_noise_is_called_central_everywhere_and_never_distributed(
    run_small: RunSmall,
) -> None:
    run = run_small(UPLOAD, "privacy.mode=central")
    jsonschema.validate(run.result, SCHEMA)
    privacy = run.result["privacy"]
    assert privacy["mode"] == "central" and "does not work with" in privacy["adversary"]
    assert "distributed" not in json.dumps(privacy)
    assert "believed" in json.dumps(privacy["assumptions"])
    assert "distributed" not in printed(run)


def test_a_byte_an_entry_rides_in_two_bytes(run_small: RunSmall) -> None:
    run = run_small("privacy.mode=none", "compression.bits=8")
    assert run.result["secure_aggregation"]["lane_bits"] == 16
    assert run.result["traffic"]["bytes_per_parameter"] == pytest.approx(2, abs=0.05)
