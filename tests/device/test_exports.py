"""A folder of many people for a study: everybody is found once, by name, and nobody in silence."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from holter.device import exports
from holter.device.exports import recordings_of
from holter.device.store import Store
from holter.signals.errors import DataError, Unsupported
from holter.signals.gathering import Gathered
from holter.signals.readers import recognise
from holter.signals.readers.files import Files, head, text
from holter.signals.readers.formats import Format, Group, Options
from holter.signals.recording import Recording
from tests.device.stored import MINUTE, START, hearts, waves

NONE = Options()


def _claims(files: Files, names: Sequence[str]) -> list[Group]:
    return [(name,) for name in names if head(files, name).startswith(b"TOY")]


def _read(files: Files, names: Group, given: Options) -> list[Recording]:
    """One recording for each person that is named in the file's only line; «-» is nobody."""
    _, *people = text(files, names[0]).split()
    if "closed" in people:
        raise Unsupported("a closed toy")
    if not people:
        raise DataError("the toy is empty: export it again")
    found = []
    for person in people:
        made = Gathered("toy", person=person.strip("-"))
        made.series("heart_rate", [START], [60])
        found.append(made.recording())
    return found


@pytest.fixture(autouse=True)
def formats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognise, "FORMATS", (Format("toy", "a toy", _claims, _read),))


@pytest.fixture
def people(tmp_path: Path) -> Path:
    folder = tmp_path / "people"
    folder.mkdir()
    return folder


def stored(path: Path, source: str = "band") -> Path:
    path.parent.mkdir(exist_ok=True)
    with Store.create(path) as store:
        store.add([hearts({0: 60}, source=source)], MINUTE)
    return path


def exported(path: Path, words: str = "TOY -") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(words)
    return path


def packed(path: Path, **members: str | Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            if isinstance(content, Path):
                archive.write(content, name)
            else:
                archive.writestr(name, content)
    return path


def who(path: Path) -> list[tuple[str, str]]:
    return [(person, recording.source) for person, recording in recordings_of(path, NONE)]


def test_a_person_is_a_folder_a_store_a_zip_or_a_file(people: Path) -> None:
    stored(people / "anna.store")
    stored(people / "ben" / "my.store")
    exported(people / "carl" / "2026" / "march" / "night")
    exported(people / "dora.toy")
    packed(people / "emil.zip", night="TOY -")
    packed(people / "fritz.zip", **{"x.store": stored(people.parent / "x" / "a.store")})
    assert sorted(who(people)) == [
        ("anna", "band"), ("ben", "band"), ("carl", "toy"), ("dora", "toy"), ("emil", "toy"),
        ("fritz", "band"),
    ]  # fmt: skip


def test_the_path_may_be_one_store_one_file_or_one_zip_of_everybody(people: Path) -> None:
    assert who(stored(people / "anna.store")) == [("anna", "band")]
    assert who(exported(people / "ben.toy")) == [("ben", "toy")]
    everybody = packed(
        people / "all.zip",
        **{"carl/1.toy": "TOY -", "dora.store": people / "anna.store", "inner.zip": "PK\3\4"},
    )
    assert who(everybody) == [("dora", "band"), ("carl", "toy")]


def test_all_that_bears_one_name_is_one_persons_whatever_its_tables_call_them(
    people: Path,
) -> None:
    stored(people / "anna.store")
    stored(people / "anna" / "old.store", "ring")
    exported(people / "anna" / "a.toy")
    exported(people / "anna" / "table.toy", "TOY P1 -")
    packed(people / "anna.zip", night="TOY P1 -")
    assert {person for person, _ in who(people)} == {"anna"}
    assert len(who(people)) == 7


@pytest.mark.parametrize("beside", [[], ["a.toy"], ["a.toy", "z.toy"]])
def test_a_folder_whose_tables_name_one_person_is_that_person(
    people: Path, beside: list[str]
) -> None:
    exported(people / "anna" / "m.toy", "TOY P1")
    exported(people / "anna" / "n.toy", "TOY P1")
    for name in beside:
        exported(people / "anna" / name)
    packed(people / "ben.zip", night="TOY P2")
    found = [person for person, _ in who(people)]
    assert sorted(found) == ["anna"] * (2 + len(beside)) + ["ben"]


def test_tables_of_several_people_keep_the_names_in_them(people: Path) -> None:
    exported(people / "march" / "table.toy", "TOY P1 P2")
    exported(people / "april" / "one.toy", "TOY P1")
    exported(people / "april" / "two.toy", "TOY P3")
    exported(people / "top.toy", "TOY P3")  # at the top, one name is a name too
    packed(people / "all.zip", a="TOY P4", b="TOY P5")
    assert sorted(person for person, _ in who(people)) == [
        "P1", "P1", "P2", "P3", "P3", "P4", "P5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"anna/a.toy": "TOY -", "anna/b.toy": "TOY P1 P2"}, "anna holds tables that name several"),
        ({"anna/b.toy": "TOY P1 -", "anna/c.toy": "TOY P2"}, "anna holds tables that name several"),
        ({"anna.toy": "TOY P1 P2", "anna/b.toy": "TOY -"}, "anna holds tables that name several"),
        ({"anna/a.toy": "TOY P1", "ben/b.toy": "TOY P1"}, "one and the same person"),
        ({"anna/a.toy": "TOY P1", "b.toy": "TOY P1 P2"}, "one and the same person"),
    ],
)
def test_what_could_make_two_people_of_one_or_one_of_two_is_refused(
    people: Path, files: dict[str, str], says: str
) -> None:
    for name, words in files.items():
        exported(people / name, words)
    with pytest.raises(DataError, match=says) as error:
        who(people)
    assert "\n" not in str(error.value) and "P1" not in str(error.value)


def _claims_together(files: Files, names: Sequence[str]) -> list[Group]:
    """As tables of one's own are read: all as one group."""
    return [tuple(name for (name,) in _claims(files, names))]


def test_tables_of_several_folders_that_are_read_as_one_must_name_their_people(
    people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recognise, "FORMATS", (Format("toy", "", _claims_together, _read),))
    exported(people / "rates" / "a.toy", "TOY P1")
    exported(people / "README.toy", "TOY")
    assert who(people / "rates") == [("P1", "toy")]
    exported(people / "stages" / "a.toy", "TOY P1")
    exported(people / "README.toy", "TOY P1")
    assert who(people) == [("P1", "toy")]
    exported(people / "README.toy", "TOY -")
    with pytest.raises(DataError, match=r"rates and stages .* name the person in data\.mapping"):
        who(people)


def test_what_lies_beside_the_data_is_passed_over(people: Path) -> None:
    stored(people / "anna.store")
    stored(people / ".my.store.new1")  # of a crash while a store was made
    exported(people / ".hidden" / "b.toy")
    exported(people / "README.txt", "about the data")
    exported(people / "closed.toy", "TOY closed")
    packed(people / "papers.zip", letter="about the data")
    assert who(people) == [("anna", "band")]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: exported(folder / "b" / "bad.toy", "TOY"), "b/bad.toy: the toy is empty"),
        (lambda folder: (folder / "b").symlink_to(folder / "anna.store"), "links \\(1\\)"),
        (lambda folder: os.mkfifo(folder / "pipe"), "devices \\(1\\)"),
        (lambda folder: (folder / "anna.store").write_bytes(b"PK\3\4"), "anna.store is a damaged"),
    ],
)
def test_whatever_might_hide_somebody_ends_it_and_is_named(
    people: Path, spoil: Callable[[Path], object], said: str
) -> None:
    stored(people / "anna.store")
    spoil(people)
    with pytest.raises(DataError, match=said) as error:
        who(people)
    assert "\n" not in str(error.value)


def test_a_damaged_store_names_itself(people: Path) -> None:
    stored(people / "anna.store")
    path = stored(people / "ben" / "my.store")
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + bytes(len(whole) - 4096))
    with pytest.raises(DataError, match=r"ben/my\.store"):
        who(people)
    path.write_bytes(whole[:60] + (9).to_bytes(4, "big") + whole[64:])
    with pytest.raises(DataError, match=r"ben/my\.store is a store of version 9"):
        who(people)


def test_where_nobody_is_it_says_so_and_an_absent_folder_too(people: Path) -> None:
    exported(people / "README.txt", "about the data")
    with pytest.raises(DataError, match="no recording that holter reads"):
        who(people)
    with pytest.raises(DataError, match="no file or folder"):
        who(people / "absent")


def test_stores_are_read_where_they_lie_and_not_changed(people: Path) -> None:
    path = stored(people / "anna.store")
    path.chmod(0o644)
    people.chmod(0o555)
    try:
        before = path.read_bytes()
        assert who(people) == [("anna", "band")]
        assert path.stat().st_mode & 0o777 == 0o644 and path.read_bytes() == before
    finally:
        people.chmod(0o755)


def test_a_store_whose_import_was_cut_off_says_what_mends_it(people: Path) -> None:
    path = stored(people.parent / "anna.store")
    cut = people / "anna" / "my.store"
    cut.parent.mkdir()

    def parts() -> Iterator[Recording]:
        yield waves(0, 300_000)
        for ending in ("-journal", ""):  # what a power cut would leave at this moment
            shutil.copy(f"{path}{ending}", f"{cut}{ending}")
        raise KeyboardInterrupt

    with Store.open(path) as store, pytest.raises(KeyboardInterrupt):
        store._db.execute("PRAGMA cache_size = -200")  # pages reach the file before the end
        store.add(parts(), MINUTE)
    before = cut.read_bytes()
    with pytest.raises(DataError, match=r"anna/my\.store: an import .* holter data inspect"):
        who(people)
    assert cut.read_bytes() == before
    Store.open(cut).close()  # as inspect does
    assert who(people) == [("anna", "band")]


def test_a_thousand_stores_are_open_and_in_memory_one_at_a_time(
    people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = stored(people / "0000.store").read_bytes()
    for number in range(1, 1000):
        (people / f"{number:04}.store").write_bytes(one)
    opened: list[Store] = []
    real = Store.open

    def counted(path: Path, *, only_reading: bool) -> Store:
        opened.append(real(path, only_reading=only_reading))
        return opened[-1]

    monkeypatch.setattr(exports.Store, "open", counted)
    before = len(os.listdir("/dev/fd"))
    most = 0
    for number, (person, _) in enumerate(recordings_of(people, NONE)):
        assert person == f"{number:04}"
        assert len(opened) == number + 1  # nothing is read ahead of what is taken
        most = max(most, len(os.listdir("/dev/fd")))
    assert len(opened) == 1000 and most <= before + 3
