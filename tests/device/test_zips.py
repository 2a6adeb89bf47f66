"""Zips that attack whoever opens them: refused whole, before any member is read."""

from __future__ import annotations

import binascii
import os
import zipfile
from pathlib import Path

import pytest

from holter.device import zips
from holter.device.files import opened
from holter.signals.errors import DataError
from holter.signals.readers.files import whole
from tests.device.packed import CONTENT, crafted, refused, zip_of


def test_what_was_unfolded_is_gone_afterwards(tmp_path: Path) -> None:
    with opened(zip_of(tmp_path / "export.zip", CONTENT)) as files:
        place = Path(files.path("tags.csv"))
    assert not place.exists() and not place.parent.exists()


def test_a_zip64_is_read(tmp_path: Path) -> None:
    with opened(crafted(tmp_path / "long.zip", [{}], zip64=True)) as files:
        assert whole(files, "a.csv") == b"x" * 100


@pytest.mark.parametrize(
    "names",
    [("log.bin", "info.txt"), ("[Content_Types].xml", "xl/sheet1.xml"), ("acc.npy", "hr.npy")],
)
def test_a_format_that_is_a_zip_inside_stays_one_file(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    path = zip_of(tmp_path / "night.bin", dict.fromkeys(names, b"\0\1"))
    with opened(path) as files:
        assert list(files.names) == ["night.bin"] and whole(files, "night.bin")[:2] == b"PK"


def test_a_zip_in_a_zip_is_a_file_and_unfolds_no_further(tmp_path: Path) -> None:
    inner = zip_of(tmp_path / "inner.zip", {"0": bytes(1 << 20)}).read_bytes()
    with opened(zip_of(tmp_path / "outer.zip", {"1.zip": inner, "2.zip": inner + b"x"})) as files:
        assert list(files.names) == ["1.zip", "2.zip"] and whole(files, "1.zip") == inner


# --- what no honest export holds ---


@pytest.mark.parametrize(
    "name",
    [
        b"../a.csv", b"/etc/a.csv", b"x/../../a.csv", b"c:\\a.csv", b"..\\a.csv", b"x//a.csv",
        b"./a.csv", b"a.csv\0.png", b"bell\x1b[31m.csv", b"n" * 1001, b"..", b"", b"/",
    ],
)  # fmt: skip
def test_a_name_that_may_lead_elsewhere_refuses_the_whole_zip(tmp_path: Path, name: bytes) -> None:
    line = refused(crafted(tmp_path / "a.zip", [{"name": b"good.csv"}, {"name": name}]))
    assert "refused" in line and "\x1b" not in line and len(line) < 200


def test_a_name_that_is_not_the_text_that_it_says_is_a_damaged_zip(tmp_path: Path) -> None:
    assert "damaged" in refused(
        crafted(tmp_path / "a.zip", [{"name": b"\xff.csv", "flags": 0x800}])
    )
    with opened(crafted(tmp_path / "b.zip", [{"name": b"caf\x82.csv"}])) as files:
        assert list(files.names) == ["café.csv"]  # as zips without the flag write it


@pytest.mark.parametrize("mode", [0o120777, 0o010644, 0o020644, 0o060644, 0o140644])
def test_a_link_pipe_or_device_in_a_zip_is_refused(tmp_path: Path, mode: int) -> None:
    assert "link or a device" in refused(crafted(tmp_path / "a.zip", [{"mode": mode}]))


@pytest.mark.parametrize("flags", [0x1, 0x41, 0x2000])
def test_an_encrypted_member_is_said_to_be_so(tmp_path: Path, flags: int) -> None:
    assert "encrypted: unpack" in refused(crafted(tmp_path / "a.zip", [{"flags": flags}]))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packing_without_a_bound_on_memory_or_ratio_is_refused(tmp_path: Path, method: int) -> None:
    assert "unusually" in refused(zip_of(tmp_path / "a.zip", {"a.csv": bytes(1 << 20)}, method))


def test_a_file_that_is_there_twice_is_refused_and_two_spellings_get_no_path(
    tmp_path: Path,
) -> None:
    assert "twice" in refused(crafted(tmp_path / "a.zip", [{}, {"data": b"other"}]))
    names = {"x/HR.csv": b"1", "x/hr.csv": b"2", "y/hr.csv": b"3"}
    with opened(zip_of(tmp_path / "b.zip", names)) as files:
        assert [whole(files, name) for name in files.names] == [b"1", b"2", b"3"]
        assert Path(files.path("y/hr.csv")).read_bytes() == b"3"
        with pytest.raises(DataError, match="two spellings"):
            files.path("x/hr.csv")


def test_a_file_and_a_folder_of_one_name_are_no_matter(tmp_path: Path) -> None:
    with opened(zip_of(tmp_path / "a.zip", {"a": b"1", "a/a": b"2"})) as files:
        assert Path(files.path("a/a")).read_bytes() == b"2"
        assert Path(files.path("a")).read_bytes() == b"1"


def test_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    whole_overlap = [{"name": b"a.csv"}, {"name": b"b.csv", "offset": 0}]
    assert "shares bytes" in refused(crafted(tmp_path / "a.zip", whole_overlap))
    # each member quotes the header of the next and goes on with its data
    quoted = [{"name": b"%d.csv" % i, "packed": 400} for i in range(20)]
    assert "shares bytes" in refused(crafted(tmp_path / "b.zip", quoted))
    assert "reaches into" in refused(crafted(tmp_path / "c.zip", [{"packed": 5000}]))


def test_a_bomb_is_refused_by_what_it_states(tmp_path: Path) -> None:
    assert "no recording packs" in refused(zip_of(tmp_path / "a.zip", {"a": bytes(300 << 20)}))
    lie = {"size": 0xFFFFFFF0, "data": b"x"}
    assert "impossibly far" in refused(crafted(tmp_path / "b.zip", [lie]))
    assert "impossibly far" in refused(
        crafted(tmp_path / "c.zip", [{"method": 0, "packed": 3, "size": 4}])
    )


def test_a_member_that_unfolds_to_more_than_stated_stops_there(tmp_path: Path) -> None:
    data = bytes(range(256)) * 4096
    members = [{"data": data, "size": 1000}, {"name": b"b", "data": data, "size": 1000,
                "crc": binascii.crc32(data[:1000])}]  # fmt: skip
    with opened(crafted(tmp_path / "a.zip", members)) as files:
        with pytest.raises(DataError, match="damaged"):
            whole(files, "a.csv")
        assert whole(files, "b") == data[:1000]


@pytest.mark.parametrize(
    "lie", [{"size": 101}, {"crc": 0}, {"size": 0, "crc": 1}, {"packed": 2}, {"packed": 1}]
)
def test_a_member_that_is_not_what_is_stated_is_a_data_error(
    tmp_path: Path, lie: dict[str, object]
) -> None:
    with opened(crafted(tmp_path / "a.zip", [lie, {"name": b"b.csv"}])) as files:
        with pytest.raises(DataError, match=r"a\.csv in the zip is damaged"):
            whole(files, "a.csv")
        assert Path(files.path("b.csv")).read_bytes() == b"x" * 100  # its sibling is no hindrance
        with pytest.raises(DataError, match="damaged"):
            files.path("a.csv")
        assert list(Path(files.path("b.csv")).parent.iterdir()) == [Path(files.path("b.csv"))]


def test_every_byte_of_a_zip_may_be_wrong(tmp_path: Path) -> None:
    good = zip_of(tmp_path / "good.zip", {"a.csv": b"1,2\n" * 20, "b.csv": b"3,4\n"}).read_bytes()
    path, faults = tmp_path / "bad.zip", 0
    for place in range(4, len(good)):
        for change in (0xFF, 0x01):
            path.write_bytes(good[:place] + bytes([good[place] ^ change]) + good[place + 1 :])
            try:
                with opened(path) as files:
                    for name in files.names:
                        assert len(whole(files, name)) == files.size(name)
            except DataError as error:
                assert "\n" not in str(error)
                faults += 1
    assert faults > len(good)
    for end in range(4, len(good)):
        path.write_bytes(good[:end])
        assert "damaged" in refused(path)


def test_a_list_of_files_without_end_is_not_held_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = crafted(tmp_path / "a.zip", [{"name": b"%d" % i, "data": b""} for i in range(50)])
    monkeypatch.setattr(zips, "MOST_FILES", 49)
    assert "more than 49 files" in refused(path)
    monkeypatch.setattr(zips, "MOST_DIRECTORY_BYTES", 1000)
    assert "list of files is too long" in refused(path)


def test_unfolding_for_libraries_that_need_paths_is_limited_in_total(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = {f"{n}.bin": os.urandom(1000) for n in range(5)}
    content["0.txt"] = b"of 0"
    with opened(zip_of(tmp_path / "a.zip", content)) as files:
        monkeypatch.setattr(zips, "SIBLINGS_BYTES", 3000)
        monkeypatch.setattr(zips, "MOST_SCRATCH_BYTES", 2500)
        place = Path(files.path("0.bin"))
        assert sorted(p.name for p in place.parent.iterdir()) == ["0.bin", "0.txt"]
        assert Path(files.path("1.bin")).read_bytes() == content["1.bin"]
        assert files.path("1.bin") == files.path("1.bin")
        with pytest.raises(DataError, match="bytes of disk"):
            files.path("2.bin")


def test_an_empty_zip_says_so(tmp_path: Path) -> None:
    assert "empty zip" in refused(zip_of(tmp_path / "a.zip", {}))
