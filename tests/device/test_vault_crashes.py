"""Killed before every system call, by half of every write, with and without a power cut."""

from __future__ import annotations

import signal
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

from holter.device.vault import HEAD, LEDGER, Vault
from holter.privacy.contract import Refused
from tests.device.dying import KEY, MINUTE, PLAN, ROUNDS, create, live

ROOT = Path(__file__).parents[2]
# Of the ledger: write, cut, sync. Of the head: unlink, open, write, sync, rename; then its folder.
CALLS_OF_A_CHARGE = 9


def _begun(folder: Path) -> Path:
    create(folder)
    return folder


def _dies(folder: Path, call: int, *how: str) -> bool:
    """Whether the process died; False where it came to its end."""
    command = [sys.executable, "-m", "tests.device.dying", str(folder), str(call), *how]
    status = subprocess.run(command, cwd=ROOT, timeout=60).returncode
    assert status in (0, -signal.SIGKILL)
    return status != 0


def _sent(folder: Path) -> list[int]:
    file = folder.with_suffix(".sent")
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def _check(folder: Path, deaths: int = 1) -> str:
    """Sent means charged, charged means once; each death costs at most one charge in vain."""
    sent = _sent(folder)
    with Vault.open(folder, KEY) as vault:
        charged = vault.ledger.campaigns[PLAN].rounds
        assert set(sent) <= set(charged) and len(set(sent)) == len(sent)
        assert charged == ROUNDS[: len(charged)] and len(charged) - len(sent) <= deaths
        assert vault.ledger.spent_units == 125 * len(charged)
        for number in charged:
            with pytest.raises(Refused) as refusal:
                vault.charge(PLAN, number, MINUTE)
            assert refusal.value.reason == "round_repeated"
        return vault.mended


@pytest.mark.parametrize(
    "how",
    [
        ("kept", "half"),
        ("lost",),
        pytest.param(("kept",), marks=pytest.mark.long),
        pytest.param(("lost", "half"), marks=pytest.mark.long),
    ],
)
def test_a_round_that_was_sent_is_charged_wherever_the_process_is_killed(
    how: tuple[str, ...], tmp_path: Path
) -> None:
    mended = set()
    for call in count():
        folder = _begun(tmp_path / f"device{call}")
        died = _dies(folder, call, *how)
        mended.add(_check(folder))
        live(folder)  # wakes again and goes on to the end: the same rounds, none of them twice
        with Vault.open(folder, KEY) as vault:
            assert vault.ledger.campaigns[PLAN].rounds == ROUNDS
        if not died:
            break
    assert call >= len(ROUNDS) * CALLS_OF_A_CHARGE
    wanted = {"nothing"}
    if how[0] == "kept":
        wanted.add("last line kept")
    if how == ("kept", "half"):
        wanted.add("torn line cut")
    assert wanted <= mended


@pytest.mark.long
def test_being_killed_again_while_a_crash_is_put_right_loses_nothing(tmp_path: Path) -> None:
    """Every second death within the repair and the first charge after it."""
    for first in range(1, 1 + CALLS_OF_A_CHARGE):
        for second in range(1 + CALLS_OF_A_CHARGE):
            folder = _begun(tmp_path / f"device{first}-{second}")
            assert _dies(folder, first, "kept", "half")
            assert _dies(folder, second, "lost")
            _check(folder, deaths=2)
            live(folder)
            _check(folder, deaths=2)


def test_a_power_cut_may_leave_any_part_of_the_last_line(tmp_path: Path) -> None:
    folder = _begun(tmp_path / "device")
    ledger, head = (folder / LEDGER).read_bytes(), (folder / HEAD).read_bytes()
    with Vault.open(folder, KEY) as vault:
        vault.charge(PLAN, 3, MINUTE)
    after = (folder / LEDGER).read_bytes()
    for end in range(len(ledger), len(after) + 1):
        for zeros in (0, len(after) - end):  # a file system may show zeros for what it lost
            (folder / LEDGER).write_bytes(after[:end] + bytes(zeros))
            (folder / HEAD).write_bytes(head)
            with Vault.open(folder, KEY) as vault:
                charged = vault.ledger.campaigns[PLAN].rounds
                assert charged == ((3,) if end == len(after) else ())
            assert (folder / LEDGER).read_bytes() == (after if charged else ledger)


def test_a_ledger_is_created_whole_or_not_at_all(tmp_path: Path) -> None:
    seen = set()
    for call in count():
        folder = tmp_path / f"device{call}"
        died = _dies(folder, call, "kept")
        seen.add(folder.exists())
        if folder.exists():
            with Vault.open(folder, KEY) as vault:
                assert vault.ledger.spent_units == 0
        else:
            create(folder)  # what the dead one left beside it is in nobody's way
        if not died:
            break
    assert seen == {False, True} and call > CALLS_OF_A_CHARGE
