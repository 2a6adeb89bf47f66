"""The ledger on disk: one holder, no quiet changes, nothing created silently."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from holter.crypto.signature import SigningKey
from holter.device.vault import HEAD, LEDGER, Vault
from holter.privacy.chain import checker
from holter.privacy.contract import Contract, Limits, Refused
from holter.privacy.device_ledger import DeviceLedger

KEY = SigningKey(bytes(range(32)))
MINUTE = 29_000_000
PLAN = "ab" * 32
CONTRACT = Contract(PLAN, 40, 4, 5, 125, "activity")


class Chip:
    """A monotonic counter, as a secure element has one."""

    def __init__(self) -> None:
        self.value = 7

    def read(self) -> int:
        return self.value

    def advance(self) -> int:
        self.value += 1
        return self.value


def _charged(folder: Path, *rounds: int, counter: Chip | None = None) -> Path:
    with Vault.create(folder, Limits(), KEY, MINUTE, counter=counter) as vault:
        vault.join(CONTRACT, MINUTE)
        for number in rounds:
            vault.charge(PLAN, number, MINUTE + number)
    return folder


def _reason(folder: Path, key: SigningKey = KEY, counter: Chip | None = None) -> str:
    with pytest.raises(Refused) as refusal:
        Vault.open(folder, key, counter=counter)
    return refusal.value.reason


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return _charged(tmp_path / "ledger", 3, 8)


def test_a_ledger_is_found_again_as_it_was_left(folder: Path) -> None:
    with Vault.open(folder, KEY) as vault:
        assert vault.mended == "nothing"
        assert vault.ledger.campaigns[PLAN].rounds == (3, 8)
        assert vault.ledger.spent_units == 250 and vault.ledger.reserved_units == 250
        vault.ask("steps", 50, MINUTE + 10)
        vault.leave(PLAN, MINUTE + 10)
        vault.lower_limits(Limits(1000, 500), MINUTE + 11)
        before = vault.ledger
    with Vault.open(folder, KEY) as vault:
        assert vault.ledger == before
        assert vault.ledger.limits == Limits(1000, 500) and vault.ledger.left_units == 700


def test_the_wearers_export_can_be_checked_by_anyone_with_the_public_key(folder: Path) -> None:
    with Vault.open(folder, KEY) as vault:
        data, ledger = vault.export(), vault.ledger
    assert DeviceLedger.restored(data, ledger.head, checker(KEY.public)) == ledger
    assert data == (folder / LEDGER).read_bytes()


def test_only_the_wearer_may_read_the_files(folder: Path) -> None:
    assert folder.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in folder.iterdir())


def test_a_line_of_a_rounds_machine_is_charged_once_and_never_for_an_older_ledger(
    folder: Path,
) -> None:
    with Vault.open(folder, KEY) as vault:
        machine, line = vault.ledger.charge(PLAN, 20, MINUTE + 20)
        vault.append(line)
        assert vault.ledger == machine
        with pytest.raises(Refused) as refusal:
            vault.append(line)
        assert refusal.value.reason == "ledger_corrupt"
        assert vault.ledger == machine
    with Vault.open(folder, KEY) as vault:
        assert vault.ledger == machine


def test_a_line_of_another_key_is_not_appended(folder: Path) -> None:
    other = _charged(folder.parent / "other", 3)
    with Vault.open(folder, KEY) as vault, Vault.open(other, KEY) as stranger:
        _, line = stranger.ledger.charge(PLAN, 30, MINUTE + 30)
        with pytest.raises(Refused):
            vault.append(line)


def test_a_second_process_is_refused_and_may_have_it_afterwards(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from holter.device.vault import Vault, Refused\n"
        "from holter.crypto.signature import SigningKey\n"
        "try: Vault.open(Path(sys.argv[1]), SigningKey(bytes(range(32)))); print('opened')\n"
        "except Refused as refusal: print(refusal.reason)\n"
    )
    command = [sys.executable, "-c", code, str(folder)]
    with Vault.open(folder, KEY):
        held = subprocess.run(command, capture_output=True, text=True, check=True)
        assert _reason(folder) == "ledger_in_use"
    free = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (held.stdout, free.stdout) == ("ledger_in_use\n", "opened\n")


def test_two_processes_that_race_never_charge_one_round_twice(tmp_path: Path) -> None:
    folder = _charged(tmp_path / "ledger")
    code = (
        "import sys; from pathlib import Path; from holter.device.vault import Vault, Refused\n"
        "from holter.crypto.signature import SigningKey\n"
        "sent = 0\n"
        "for _ in range(60):\n"
        "    try:\n"
        "        with Vault.open(Path(sys.argv[1]), SigningKey(bytes(range(32)))) as vault:\n"
        "            rounds = vault.ledger.campaigns['ab' * 32].rounds\n"
        f"            vault.charge('ab' * 32, rounds[-1] + 5 if rounds else 1, {MINUTE}); sent += 1\n"
        "    except Refused: pass\n"
        "print(sent)\n"
    )
    command = [sys.executable, "-c", code, str(folder)]
    racing = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    sent = sum(int(process.communicate(timeout=60)[0]) for process in racing)
    with Vault.open(folder, KEY) as vault:
        assert vault.ledger.campaigns[PLAN].rounds == (1, 6, 11, 16) and sent == 4


def test_a_missing_ledger_counts_as_spent_and_is_never_made_silently(tmp_path: Path) -> None:
    assert _reason(tmp_path / "nothing") == "ledger_corrupt"
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("name", [LEDGER, HEAD])
def test_one_of_the_two_files_missing_counts_as_spent(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert _reason(folder) == "ledger_corrupt"
    assert not (folder / name).exists()


def test_a_ledger_is_never_created_over_another(folder: Path) -> None:
    before = (folder / LEDGER).read_bytes()
    with pytest.raises(FileExistsError):
        Vault.create(folder, Limits(), KEY, MINUTE)
    assert (folder / LEDGER).read_bytes() == before
    assert [entry.name for entry in folder.parent.iterdir()] == ["ledger"]


def test_a_ledger_of_another_key_counts_as_spent(folder: Path) -> None:
    assert _reason(folder, SigningKey(bytes(32))) == "ledger_corrupt"


def test_any_byte_changed_anywhere_counts_as_spent(tmp_path: Path) -> None:
    folder = _charged(tmp_path / "ledger", 3)
    for name in (LEDGER, HEAD):
        whole = (folder / name).read_bytes()
        for place in range(len(whole)):
            for flip in (1, 0x20):  # 0x20 makes capitals of hex digits
                changed = bytearray(whole)
                changed[place] ^= flip
                (folder / name).write_bytes(changed)
                assert _reason(folder) == "ledger_corrupt", (name, place)
        (folder / name).write_bytes(whole)
    Vault.open(folder, KEY).close()


def test_a_ledger_cut_anywhere_counts_as_spent(folder: Path) -> None:
    whole = (folder / LEDGER).read_bytes()
    for end in range(len(whole)):
        (folder / LEDGER).write_bytes(whole[:end])
        assert _reason(folder) == "ledger_corrupt"


def test_more_than_a_crash_can_leave_counts_as_spent(folder: Path) -> None:
    whole, head = (folder / LEDGER).read_bytes(), (folder / HEAD).read_bytes()
    with Vault.open(folder, KEY) as vault:
        vault.charge(PLAN, 20, MINUTE + 20)
        vault.charge(PLAN, 30, MINUTE + 30)
    two = (folder / LEDGER).read_bytes()
    one = two[: two.rindex(b"\n", 0, -1) + 1]
    (folder / HEAD).write_bytes(head)
    for data in (two, one + b"{", whole + b"{}\n", whole + one[len(whole) :] * 2):
        (folder / LEDGER).write_bytes(data)
        assert _reason(folder) == "ledger_corrupt"
    (folder / LEDGER).write_bytes(one)
    with Vault.open(folder, KEY) as vault:
        assert vault.mended == "last line kept"
        assert vault.ledger.campaigns[PLAN].rounds == (3, 8, 20)
    Vault.open(folder, KEY).close()


@pytest.mark.parametrize("name", [LEDGER, HEAD])
def test_an_older_copy_of_one_file_counts_as_spent(folder: Path, name: str) -> None:
    older = (folder / name).read_bytes()
    with Vault.open(folder, KEY) as vault:
        vault.charge(PLAN, 20, MINUTE + 20)
        vault.charge(PLAN, 30, MINUTE + 30)
    (folder / name).write_bytes(older)
    assert _reason(folder) == "ledger_corrupt"


def test_another_past_of_the_same_length_under_the_same_key_counts_as_spent(folder: Path) -> None:
    other = _charged(folder.parent / "other", 8, 13)
    (folder / LEDGER).write_bytes((other / LEDGER).read_bytes())
    assert _reason(folder) == "ledger_corrupt"


def test_both_files_set_back_together_show_only_where_there_is_a_counter(tmp_path: Path) -> None:
    for chip in (None, Chip()):
        folder = _charged(tmp_path / f"ledger{chip is None}", 3, counter=chip)
        backup = shutil.copytree(folder, tmp_path / f"backup{chip is None}")
        with Vault.open(folder, KEY, counter=chip) as vault:
            vault.charge(PLAN, 8, MINUTE + 8)
        shutil.rmtree(folder)
        shutil.copytree(backup, folder)
        if chip is not None:
            assert _reason(folder, counter=chip) == "ledger_corrupt"
        else:  # The limit of what files alone can tell; the module says so.
            with Vault.open(folder, KEY) as vault:
                assert vault.ledger.campaigns[PLAN].rounds == (3,)


@pytest.mark.parametrize("advanced", [False, True])
def test_a_crash_about_the_counter_is_put_right(tmp_path: Path, advanced: bool) -> None:
    chip = Chip()
    folder = _charged(tmp_path / "ledger", 3, counter=chip)
    head = (folder / HEAD).read_bytes()
    before = chip.value
    with Vault.open(folder, KEY, counter=chip) as vault:
        vault.charge(PLAN, 8, MINUTE + 8)
    assert chip.value == before + 1
    (folder / HEAD).write_bytes(head)
    chip.value -= not advanced
    with Vault.open(folder, KEY, counter=chip) as vault:
        assert vault.mended == "last line kept" and chip.value == before + 1
        assert vault.ledger.campaigns[PLAN].rounds == (3, 8)
    Vault.open(folder, KEY, counter=chip).close()


def test_a_ledger_with_a_counter_does_not_open_without_it(tmp_path: Path) -> None:
    chip = Chip()
    folder = _charged(tmp_path / "ledger", 3, counter=chip)
    assert _reason(folder) == "ledger_corrupt"
    chip.value -= 1
    assert _reason(folder, counter=chip) == "ledger_corrupt"
    other = _charged(tmp_path / "other", 3)
    assert _reason(other, counter=Chip()) == "ledger_corrupt"


def test_a_clock_set_back_is_refused_and_nothing_is_written(folder: Path) -> None:
    before = (folder / LEDGER).read_bytes()
    with Vault.open(folder, KEY) as vault:
        with pytest.raises(Refused) as refusal:
            vault.charge(PLAN, 20, MINUTE + 7)
        assert refusal.value.reason == "clock_rollback"
        assert (folder / LEDGER).read_bytes() == before
        vault.charge(PLAN, 20, MINUTE + 8)


@pytest.mark.parametrize("name", ["pwrite", "fsync", "replace"])
def test_a_disk_that_fails_stops_the_upload_and_closes_the_vault(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = Vault.open(folder, KEY)
    with monkeypatch.context() as patch:

        def fail(*_: object) -> None:
            raise OSError(28, "no space left on device")

        patch.setattr(os, name, fail)
        with pytest.raises(OSError, match="no space"):
            vault.charge(PLAN, 20, MINUTE + 20)
    with pytest.raises(ValueError, match="closed"):
        vault.charge(PLAN, 25, MINUTE + 25)
    with Vault.open(folder, KEY) as again:
        assert again.ledger.campaigns[PLAN].rounds in ((3, 8), (3, 8, 20))


def test_a_device_enrolled_again_starts_with_everything_spent(tmp_path: Path) -> None:
    limits = Limits()
    spent = limits.lifetime_units
    with Vault.create(tmp_path / "new", limits, KEY, MINUTE, spent_before=spent) as vault:
        with pytest.raises(Refused) as refusal:
            vault.join(CONTRACT, MINUTE)
    assert refusal.value.reason == "budget_exhausted"
