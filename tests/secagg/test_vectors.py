"""The vectors on file are what the machines make today; ``test_reference`` holds them against a
second implementation.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holter.secagg.errors import CoordinatorFault, PeerFault
from holter.wire.cbor import Malformed, decode
from tests.secagg import bad_vectors, piece_vectors, session_vectors, sparse_vectors
from tests.secagg.bad_up import Bad
from tests.secagg.session_vectors import CENSORED, LEFT, LOST, UP, staged, text

REMEDY = "if that is meant: python -m tests.secagg.session_vectors, and a note in changes/"


@pytest.mark.parametrize(
    ("path", "make", "lines"),
    [
        (session_vectors.PATH, session_vectors.make, ""),
        (sparse_vectors.PATH, sparse_vectors.make, ""),
        (piece_vectors.PATH, piece_vectors.make, ""),
        (bad_vectors.PATH, bad_vectors.make, "cases"),
    ],
    ids=["session", "sparse", "pieces", "bad"],
)
def test_no_byte_on_file_has_changed(
    path: Path, make: Callable[[], dict[str, Any]], lines: str
) -> None:
    assert path.read_text() == text(make(), lines), REMEDY


@pytest.fixture(scope="module")
def session() -> dict[str, Any]:
    return json.loads(session_vectors.PATH.read_text())


@pytest.fixture(scope="module")
def bad() -> dict[str, Any]:
    return json.loads(bad_vectors.PATH.read_text())


def words(data: str) -> list[int]:
    raw = bytes.fromhex(data)
    return [int.from_bytes(raw[i : i + 8], "little") for i in range(0, len(raw), 8)]


def test_the_session_on_file_opens_secrets_of_every_kind(session: dict[str, Any]) -> None:
    assert session["mask_set"] == list(range(8)) and session["survivors"] == list(range(LEFT))
    vectors = [words(session["clients"][i]["vector"]) for i in session["survivors"]]
    assert words(session["sum"]) == [sum(column) % 2**64 for column in zip(*vectors, strict=True)]
    said = [list(each["up"]) for each in session["clients"]]
    assert said == [list(UP)] * LEFT + [["M0", "M2"], ["M0", "M2"], ["M0"]]
    made = staged()
    released = {i: shares for i, (_, shares) in made.full["M8"].released.items()}
    sizes = {(len(r.seed_shares), len(r.edge_seeds), len(r.key_shares)) for r in released.values()}
    assert sizes == {(5, 2, 2), (5, 2, 1)}
    assert made.full["M4"].inputs[CENSORED].complaints == {LOST}


def test_the_file_of_the_sparse_session_is_no_larger_than_it_need_be() -> None:
    assert sparse_vectors.PATH.stat().st_size < 300_000


def test_bad_messages_of_every_kind_are_on_file_with_the_party_at_fault(
    bad: dict[str, Any],
) -> None:
    kinds = Counter((case["kind"], case["fault"]) for case in bad["cases"])
    up = {(kind, "peer") for kind in UP}
    down = {(k, "coordinator") for k in ("M1", "M3", "M5", "M7", "M9", "transcript")}
    assert set(kinds) == up | down and min(kinds.values()) > 10
    assert sum(kinds.values()) > 500
    names = Counter((case["kind"], case["name"]) for case in bad["cases"])
    assert max(names.values()) == 1


def test_every_bad_message_on_file_is_refused_at_the_fault_of_the_party_on_file(
    bad: dict[str, Any],
) -> None:
    made = staged()
    for case in bad["cases"]:
        kind, of = case["kind"], case["of"]
        true = made.said(kind, of) if kind in UP else made.down[kind][of]
        message = bad_vectors.message_of(case, true)
        again = Bad(kind, case["name"], case["client"], message, of, case["again"])
        expected = PeerFault if case["fault"] == "peer" else CoordinatorFault
        with pytest.raises(expected):
            bad_vectors.shown(made, again)


def test_bad_cbor_on_file_is_malformed_and_good_cbor_is_read(bad: dict[str, Any]) -> None:
    assert len(bad["cbor"]) > 30
    for hexed in bad["cbor"]:
        with pytest.raises(Malformed):
            decode(bytes.fromhex(hexed))
    good = json.loads(piece_vectors.PATH.read_text())["cbor"]
    for entry in good:
        assert piece_vectors.shown(decode(bytes.fromhex(entry["hex"]))) == entry["value"]
