"""A store between processes, power cuts and full disks: an import is there whole or not at all."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holter.device.store import Store
from holter.signals.errors import DataError
from tests.device.stored import MINUTE, acceleration, hearts, waves

ROOT = Path(__file__).parents[2]


def test_a_store_in_use_is_waited_for_and_then_the_reason_is_told(tmp_path: Path) -> None:
    path = tmp_path / "my.store"
    with Store.create(path) as store, Store.open(path, wait_seconds=0.2) as other:
        began = time.monotonic()
        store._db.execute("BEGIN IMMEDIATE")
        with pytest.raises(DataError, match=r"another process uses the store; waited 0\.2 s"):
            other.add([hearts({0: 60})], MINUTE)
        assert 0.15 < time.monotonic() - began < 5
        assert other.recordings() == []  # reading goes on while another writes
        store._db.execute("ROLLBACK")
        assert other.add([hearts({0: 60})], MINUTE)[0].rows_new == 1


def test_two_processes_add_at_once_and_both_arrive(tmp_path: Path) -> None:
    path = tmp_path / "my.store"
    Store.create(path).close()
    running = [_importing(path, str(first)) for first in (0, 1)]
    for process in running:
        process.communicate(timeout=60)
        assert process.returncode == 0
    with Store.open(path) as store:
        assert sum(c.count for c in store.channels()) == 2 * 400_000


CODE = """
import sys
from pathlib import Path
from holter.device.store import Store
from tests.device.stored import MINUTE, waves
with Store.open(Path(sys.argv[1])) as store:
    first = int(sys.argv[2]) * 10_000_000
    def parts():
        for part in range(8):
            yield waves(first + part * 60_000, 50_000)
            print(part, flush=True)
    store._db.execute("PRAGMA cache_size = -200")  # pages reach the file before the end
    store.add(parts(), MINUTE)
    print("durable", flush=True)
"""


def _importing(path: Path, first: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CODE, str(path), first]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _whole(path: Path) -> int:
    """Samples that a store holds, after it was found to be sound."""
    with Store.open(path) as store:
        assert store._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for recording in store.recordings():
            assert recording.channels
        return sum(c.count for c in store.channels())


@pytest.mark.parametrize("killed_after", ["0", "3", "7", "durable"])
def test_killed_or_cut_from_power_anywhere_an_import_is_there_whole_or_not_at_all(
    tmp_path: Path, killed_after: str
) -> None:
    path = tmp_path / "my.store"
    with Store.create(path) as store:
        store.add([waves(0, 1000)], MINUTE)
    with _importing(path, "1") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == killed_after:
                # What a power cut would leave: the files as they are at this moment.
                for file in sorted(tmp_path.glob("my.store*"), reverse=True):  # the journal first
                    (tmp_path / "cut").mkdir(exist_ok=True)
                    shutil.copy(file, tmp_path / "cut" / file.name)
                process.send_signal(signal.SIGKILL)
    whole = 1000 + 8 * 50_000
    assert _whole(path) == (whole if killed_after == "durable" else 1000) or (
        killed_after == "7" and _whole(path) == whole  # it may have come to its end by then
    )
    if killed_after != "7":
        assert _whole(tmp_path / "cut" / "my.store") == _whole(path)
    with Store.open(path) as store:
        store.add([waves(0, 2000)], MINUTE)
    assert not (tmp_path / "my.store-journal").exists()


NEW = CODE.replace("Store.open", "Store.appearing")


@pytest.mark.parametrize("killed_after", ["0", "7", "durable"])
def test_killed_while_it_is_filled_for_the_first_time_it_is_not_there(
    tmp_path: Path, killed_after: str
) -> None:
    path = tmp_path / "my.store"
    command = [sys.executable, "-c", NEW, str(path), "1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            assert line.strip() == "durable" or not path.exists()
            if line.strip() == killed_after:
                process.send_signal(signal.SIGKILL)
    if path.exists():  # it may have come to its end by then
        assert killed_after != "0" and _whole(path) == 8 * 50_000
    assert all(p == path or p.name.startswith(".my.store.new") for p in tmp_path.iterdir())
    with Store.appearing(tmp_path / "again.store") as store:
        store.add([waves(0, 2000)], MINUTE)
    assert _whole(tmp_path / "again.store") == 2000


def test_a_crash_while_it_is_made_leaves_no_half_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(one: str, other: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", cut)
    with pytest.raises(DataError, match="No space left"):
        Store.create(tmp_path / "my.store")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_and_what_was_there_stays(store: Store) -> None:
    store.add([waves(0, 1000)], MINUTE)
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(DataError, match="full; nothing of this was written"):
        store.add([waves(5000, 90_000)], MINUTE)
    assert acceleration(store).samples == 1000
