"""What a store refuses: all of an import or nothing, no other file, no damage, no other reader."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from holter.device.store import Store
from holter.device.store_file import is_store
from holter.signals.errors import DataError
from holter.signals.recording import Recording
from tests.device.stored import MINUTE, heart, hearts, rich, waves


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (hearts({1: 61}, person="B"), "another person"),
        (hearts({1: 61}, zone=""), "--zone"),
        (
            Recording("band", "", "UTC", {"heart_rate": waves(0, 9).channels["acceleration"]}),
            "axes",
        ),
    ],
)
def test_what_does_not_belong_is_refused_and_nothing_of_its_import_stays(
    store: Store, second: Recording, said: str
) -> None:
    store.add([hearts({0: 60})], MINUTE)
    with pytest.raises(DataError, match=said):
        store.add([hearts({5: 65}), second], MINUTE)
    assert heart(store) == {0: 60}
    store.add([hearts({5: 65})], MINUTE)
    assert heart(store) == {0: 60, 5: 65}


def test_an_import_that_fails_while_it_is_read_leaves_nothing(store: Store) -> None:
    def broken() -> Iterator[Recording]:
        yield hearts({0: 60})
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.add(broken(), MINUTE)
    assert store.recordings() == [] and store.channels() == []


def test_two_zones_of_a_traveller_are_two_sources(store: Store) -> None:
    store.add([hearts({0: 60}, zone="Europe/Berlin"), hearts({9: 61}, zone="Asia/Tokyo")], MINUTE)
    assert [r.zone for r in store.recordings()] == ["Europe/Berlin", "Asia/Tokyo"]


def test_what_is_no_store_is_refused_unchanged(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE person (name TEXT)")
    db.close()
    (tmp_path / "text").write_text("SQLite format 3\0 and no more")
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    for name in ("other.db", "text", "empty", "pipe", "absent", "."):
        before = other.read_bytes()
        assert not is_store(tmp_path / name)
        with pytest.raises(DataError) as error:
            Store.open(tmp_path / name)
        assert name in str(error.value) or name == "."
        assert other.read_bytes() == before
    with pytest.raises(FileExistsError):
        Store.create(other)
    with pytest.raises(DataError, match="No such file"):
        Store.create(tmp_path / "no" / "my.store")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty", "other.db", "pipe", "text"]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("PRAGMA user_version = 2", "version 2"),
        ("CREATE TRIGGER evil AFTER INSERT ON slow BEGIN DELETE FROM slow; END", "not as holter"),
        ("CREATE VIEW v AS SELECT 1", "not as holter"),
        ("ALTER TABLE slow ADD COLUMN more", "not as holter"),
    ],
)
def test_a_store_that_others_changed_is_refused(tmp_path: Path, statement: str, said: str) -> None:
    path = tmp_path / "my.store"
    Store.create(path).close()
    with sqlite3.connect(path) as db:
        db.execute(statement)
    db.close()
    with pytest.raises(DataError, match=said):
        Store.open(path)


def test_a_damaged_file_is_a_data_error(tmp_path: Path) -> None:
    path = tmp_path / "my.store"
    with Store.create(path) as store:
        store.add([rich()], MINUTE)
    whole, faults, dice = path.read_bytes(), 0, np.random.default_rng(7)
    for place in range(0, len(whole), 3011):
        path.write_bytes(whole[:place] + dice.bytes(700) + whole[place + 700 :])
        try:
            with Store.open(path) as store:
                store.recordings()
                store.channels()
        except DataError:
            faults += 1
    assert faults > 50


def test_damage_that_is_only_read_is_told_without_a_word_of_writing(tmp_path: Path) -> None:
    path = tmp_path / "my.store"
    with Store.create(path) as store:
        store.add([rich()], MINUTE)
    path.write_bytes(path.read_bytes()[:6000])
    with pytest.raises(DataError, match="is damaged; take it from a backup") as error:
        Store.open(path, only_reading=True).recordings()
    assert "written" not in str(error.value)


def test_a_store_says_that_it_is_empty_and_whose_it_is(store: Store) -> None:
    assert store.empty and store.people == frozenset()
    store.add([hearts({0: 60}), hearts({0: 60}, source="table", person="P1")], MINUTE)
    assert not store.empty and store.people == {"", "P1"}


def test_only_the_owner_may_read_it_and_its_journal(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = tmp_path / "my.store"
        modes = set()

        def watched() -> Iterator[Recording]:
            yield waves(0, 300_000)
            modes.update(p.stat().st_mode & 0o777 for p in tmp_path.iterdir())
            assert (tmp_path / "my.store-journal").exists()

        with Store.create(path) as store:
            store.add(watched(), MINUTE)
        assert modes == {0o600}
        os.chmod(path, 0o644)
        Store.open(path).close()
        assert path.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)
