"""``holter privacy ledger``: what a ledger says, a device's or a population's, in plain rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holter.cli.calls import CheckFailed, UserError
from holter.privacy import chain
from holter.privacy.accountant import RHO_UNITS
from holter.privacy.contract import Refused
from holter.privacy.device_ledger import DeviceLedger
from holter.simulator.store import LEDGER, RESULT

Rows = list[tuple[str, str]]


def rows(folder: Path, public: str | None) -> Rows:
    """What there is to see, the chain checked; signatures too where the key is known.

    folder: a run's, or a device's vault. public: the signing key in hex; a run's result names it.
    Raises UserError where there is no ledger, CheckFailed where it does not hold.
    """
    try:
        data = (folder / LEDGER).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{folder} holds no ledger (no {LEDGER})") from None
    try:
        stated = _stated(folder)
        key = public or stated.get("ledger_key")
        check = None if key is None else chain.checker(bytes.fromhex(key))
        entries = chain.verify(data, stated.get("ledger_head"), check)
        if not entries:
            raise chain.Tampered("the ledger holds no line")
        signed = f"by {key}" if check is not None else "not checked: give the key with --key"
        if entries[0]["kind"] == "opened":
            ledger = DeviceLedger.restored(data, None, check)
            return [("ledger", "of a device"), ("signatures", signed), *_device(ledger)]
    except (chain.Tampered, Refused, ValueError) as error:
        raise CheckFailed("the ledger does not hold", [str(error)]) from error
    return [("ledger", "of a population"), ("signatures", signed), *_population(entries)]


def _stated(folder: Path) -> Mapping[str, Any]:
    """Head and key as a run's result states them; nothing where there is no result."""
    try:
        found = json.loads((folder / RESULT).read_text(encoding="utf-8"))["privacy"]
        head, key = found["ledger_head"], found["ledger_key"]
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError):
        raise chain.Tampered(f"{RESULT} does not say where the ledger ends") from None
    if not (isinstance(head, str) and isinstance(key, str)):
        raise chain.Tampered(f"{RESULT} does not say where the ledger ends")
    return {"ledger_head": head, "ledger_key": key}


def _rho(units: int) -> str:
    return f"rho {units / RHO_UNITS:.6f}"


def _device(ledger: DeviceLedger) -> Rows:
    found = [
        ("spent, for ever", _rho(ledger.spent_units)),
        ("reserved for studies joined", _rho(ledger.reserved_units)),
        (
            "left of the lifetime's",
            f"{_rho(ledger.left_units)} of {_rho(ledger.limits.lifetime_units)}",
        ),
        ("limit for one task", _rho(ledger.limits.task_units)),
    ]
    for campaign in ledger.campaigns.values():
        contract = campaign.contract
        state = "left" if campaign.left else "joined"
        found.append(
            (
                f"study {contract.plan_hash[:12]} ({contract.task}), {state}",
                f"{len(campaign.rounds)} of {contract.max_participations} participations, "
                f"{_rho(contract.rho_units)} each",
            )
        )
    found += [(f"answer {name}", _rho(units)) for name, units in ledger.answers.items()]
    return found


def _population(entries: list[dict[str, Any]]) -> Rows:
    found: Rows = []
    for entry in entries:
        if entry["kind"] == "contract":
            found.append(
                (
                    f"contract {entry['plan'][:12]} ({entry['task']})",
                    f"{entry['rounds']} rounds, {entry['max_participations']} participations at "
                    f"most, {entry['min_separation']} apart, {_rho(entry['rho_units'])} each",
                )
            )
        elif entry["kind"] == "stopped":
            found.append((f"stopped after round {entry['round']}", str(entry["reason"])))
        elif entry["kind"] == "published":
            found.append((f"model after round {entry['round']}", str(entry["model_sha256"])))
    rounds = [entry for entry in entries if entry["kind"] == "round"]
    closed = sum(entry["outcome"] == "closed" for entry in rounds)
    found.append(("rounds held, closed", f"{len(rounds)}, {closed}"))
    if rounds:
        last = rounds[-1]
        found.append(
            (
                "device asked most often",
                f"{last['most_participations']} times, {_rho(last['most_spent_rho_units'])}",
            )
        )
    return found
