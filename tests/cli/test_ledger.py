"""``holter privacy ledger``: what was spent, by a device and by a population, and whether it holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from holter.cli import ledgers
from holter.cli.calls import CheckFailed, UserError
from holter.cli.main import main
from holter.crypto.signature import SigningKey
from holter.device.vault import Vault
from holter.privacy.contract import Contract, Limits

KEY = SigningKey(b"k" * 32)
CONTRACT = Contract("ab" * 32, 10, 3, 2, 100_000_000, "activity")


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    folder = tmp_path / "vault"
    with Vault.create(folder, Limits(), KEY, 1) as own:
        own.join(CONTRACT, 1)
        own.charge(CONTRACT.plan_hash, 4, 2)
        own.ask("resting-pulse", 50_000_000, 3)
    return folder


def test_a_wearer_sees_what_is_spent_reserved_and_left(
    vault: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["privacy", "ledger", str(vault), "--key", KEY.public.hex()]) == 0
    shown = dict(ledgers.rows(vault, KEY.public.hex()))
    assert shown["signatures"] == f"by {KEY.public.hex()}"
    assert shown["spent, for ever"] == "rho 0.150000"
    assert shown["reserved for studies joined"] == "rho 0.200000"
    assert shown["left of the lifetime's"] == "rho 0.850000 of rho 1.200000"
    assert shown["study abababababab (activity), joined"].startswith("1 of 3 participations")
    assert "rho 0.150000" in capsys.readouterr().out


def test_without_the_key_it_says_that_signatures_were_not_checked(vault: Path) -> None:
    assert "not checked" in dict(ledgers.rows(vault, None))["signatures"]


def test_a_changed_ledger_ends_with_3_and_none_with_2(
    vault: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = (vault / "ledger.jsonl").read_bytes()
    (vault / "ledger.jsonl").write_bytes(data.replace(b'"round":4', b'"round":5'))
    assert main(["privacy", "ledger", str(vault), "--key", KEY.public.hex()]) == 3
    assert "line 3" in capsys.readouterr().err
    assert main(["privacy", "ledger", str(tmp_path)]) == 2
    assert "holds no ledger" in capsys.readouterr().err
    with pytest.raises(CheckFailed):
        ledgers.rows(vault, SigningKey(b"x" * 32).public.hex())
    with pytest.raises(UserError):
        ledgers.rows(tmp_path / "nowhere", None)
