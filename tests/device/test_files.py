"""Folders that attack whoever opens them, and honest ones, which are read like a zip of them."""

from __future__ import annotations

import io
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from holter.device import files as opening
from holter.device.files import opened
from holter.signals.errors import DataError
from holter.signals.readers.files import whole
from tests.device.packed import CONTENT, folder_of, refused, zip_of


def test_a_folder_and_a_zip_of_it_read_the_same(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "export", CONTENT)
    for path in (folder, zip_of(tmp_path / "export.zip", CONTENT)):
        with opened(path) as files:
            assert list(files.names) == sorted(CONTENT) and files.left_out == {}
            for name, data in CONTENT.items():
                assert whole(files, name) == data and files.size(name) == len(data)
                assert Path(files.path(name)).read_bytes() == data
            beside = Path(files.path("night/ACC.csv")).with_name("HR.csv")
            assert beside.read_bytes() == CONTENT["night/HR.csv"]
            with files.open("night/ACC.csv") as stream:
                stream.seek(-6, io.SEEK_END)
                assert stream.read() == b"1,2,3\n"
                stream.seek(2)
                assert stream.read(3) == b"2,3"


def test_one_file_is_read_alone_and_through_a_link_that_the_wearer_names(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "export", CONTENT)
    (tmp_path / "link.csv").symlink_to(folder / "tags.csv")
    for path in (folder / "tags.csv", tmp_path / "link.csv"):
        with opened(path) as files:
            assert list(files.names) == ["tags.csv"] and whole(files, "tags.csv") == b""


def test_what_a_mac_adds_is_not_part_of_an_export(tmp_path: Path) -> None:
    content = {**CONTENT, "__MACOSX/night/._ACC.csv": b"\0\5\x16\7", "night/.DS_Store": b"\0"}
    paths = folder_of(tmp_path / "export", content), zip_of(tmp_path / "export.zip", content)
    for path in paths:
        with opened(path) as files:
            assert list(files.names) == sorted(CONTENT)


# --- a record in several files ---


@pytest.mark.parametrize("named", ["101.hea", "101.dat", "101.atr"])
def test_the_rest_of_a_record_is_found_whichever_of_its_files_is_named(
    tmp_path: Path, named: str
) -> None:
    record = dict.fromkeys(("101.hea", "101.dat", "101.atr"), b"1")
    others = dict.fromkeys(("1010.hea", "102.hea", "notes.txt", "101", "101x.dat"), b"2")
    folder = folder_of(tmp_path / "records", record | others)
    (folder / "101.more").mkdir()
    (folder / "101.link").symlink_to("102.hea")
    os.mkfifo(folder / "101.pipe")
    with opened(folder / named) as files:
        assert list(files.names) == sorted(record)
        assert Path(files.path("101.hea")).with_name("101.dat").read_bytes() == b"1"


def test_files_of_one_stem_without_a_header_are_no_record(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "a", dict.fromkeys(("night.dat", "night.atr", "a.hea"), b"1"))
    folder_of(folder, dict.fromkeys(("a.csv", "b.hea.csv"), b"1"))
    for name in ("night.dat", "a.csv", "b.hea.csv"):
        with opened(folder / name) as files:
            assert list(files.names) == [name]


def test_a_header_whose_folder_may_not_be_listed_is_read_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(tmp_path / "records", {"101.hea": b"1", "101.dat": b"2"})

    def listing(path: Path) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", listing)
    with opened(folder / "101.hea") as files:
        assert list(files.names) == ["101.hea"]


# --- folders ---


def test_links_pipes_sockets_and_odd_names_are_left_out_and_counted(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "export", CONTENT)
    (tmp_path / "secret.csv").write_text("secret")
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "nowhere").symlink_to(folder / "nothing")
    os.mkfifo(folder / "pipe.csv")
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(folder / "door"))
    for name in (b"no\xfftext.csv", b"bell\x1b[31m.csv", "turned\u202egnp.csv".encode()):
        Path(os.fsdecode(bytes(folder) + b"/" + name)).write_text("1")
    with opened(folder) as files:
        assert list(files.names) == sorted(CONTENT)
        assert files.left_out == {"links": 3, "pipes, sockets and devices": 2, "odd names": 3}


def test_a_file_that_becomes_a_pipe_or_a_link_does_not_block_or_lead_out(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "export", CONTENT)
    (tmp_path / "secret.csv").write_text("secret")
    with opened(folder) as files:
        (folder / "tags.csv").unlink()
        with pytest.raises(DataError, match="no file"):
            files.open("tags.csv")
        os.mkfifo(folder / "tags.csv")
        with pytest.raises(DataError, match="not a regular file"):
            files.open("tags.csv")
        (folder / "tags.csv").unlink()
        (folder / "tags.csv").symlink_to(tmp_path / "secret.csv")
        with pytest.raises(DataError, match="not a regular file"):
            files.open("tags.csv")


@pytest.mark.parametrize("path_of", [folder_of, zip_of])
def test_a_header_that_names_a_file_elsewhere_gets_none(
    tmp_path: Path, path_of: Callable[[Path, dict[str, bytes]], Path]
) -> None:
    with opened(path_of(tmp_path / "export", CONTENT)) as files:
        for name in ("../secret.csv", "/etc/passwd", "night/../tags.csv", "night", ""):
            for ask in (files.open, files.size, files.path):
                with pytest.raises(DataError, match="not among"):
                    ask(name)


def test_what_may_not_be_read_is_left_out_and_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(tmp_path / "export", CONTENT)
    real, listed = os.access, os.scandir

    def listing(path: Path) -> object:
        if path.name == "night":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    # Tests may run as root, who may read everything.
    monkeypatch.setattr(os, "access", lambda path, mode: "tags" not in path and real(path, mode))
    with opened(folder) as files:
        assert list(files.names) == ["night/ACC.csv", "night/HR.csv"]
        assert files.left_out == {"files that cannot be read": 1}
    monkeypatch.setattr(os, "scandir", listing)
    with opened(folder) as files:
        assert list(files.names) == []
        assert files.left_out["folders that cannot be read"] == 1


def test_a_folder_without_end_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / "deep"
    folder_of(tmp_path, {"deep/" + "d/" * 100 + "a.csv": b"1", "deep/b.csv": b"2"})
    with opened(deep) as files:
        assert list(files.names) == ["b.csv"]
        assert files.left_out == {f"folders deeper than {opening.MOST_DEPTH}": 1}
    monkeypatch.setattr(opening, "MOST_FILES", 3)
    assert "more than 3 files" in refused(folder_of(tmp_path / "many", dict.fromkeys("abcd", b"")))
    monkeypatch.setattr(opening, "MOST_SEEN", 3)
    links = tmp_path / "links"
    links.mkdir()
    for name in "abcd":
        (links / name).symlink_to("nowhere")
    assert "more than" in refused(links)


def test_what_is_not_there_or_no_file_is_named(tmp_path: Path) -> None:
    assert "there is no file" in refused(tmp_path / "absent")
    assert "there is no file" in refused(tmp_path / "absent" / "more")
    os.mkfifo(tmp_path / "pipe")
    assert "neither" in refused(tmp_path / "pipe")
    assert "cannot be read" in refused(tmp_path / ("n" * 300))
    (tmp_path / "loop").symlink_to("loop")
    assert "loop" in refused(tmp_path / "loop")


def test_errors_of_what_is_done_with_the_files_are_not_taken_for_errors_of_reading(
    tmp_path: Path,
) -> None:
    folder = folder_of(tmp_path / "export", CONTENT)
    with pytest.raises(PermissionError), opened(folder):
        raise PermissionError(13, "of another file")
