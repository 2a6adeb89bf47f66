"""Chained lines: any change shows, signed or not; and what a signature adds."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holter.crypto import labels
from holter.crypto import signature as cose
from holter.crypto.signature import SigningKey
from holter.privacy import chain
from holter.privacy.chain import GENESIS, Sign, Tampered, chained, checker, signer, verify

KEY, OTHER = SigningKey(bytes(range(32))), SigningKey(bytes(32))
CHECK = checker(KEY.public)


def _three(sign: Sign | None = None) -> tuple[bytes, str]:
    data, head = b"", GENESIS
    for number in (1, 2, 3):
        line, head = chained(head, {"kind": "charge", "round": number}, sign)
        data += line
    return data, head


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.lists(st.dictionaries(st.text(), values, max_size=4), max_size=4), st.booleans())
def test_what_was_chained_is_read_back(entries: list[dict[str, object]], signed: bool) -> None:
    data, head = b"", GENESIS
    for entry in entries:
        line, head = chained(head, entry, signer(KEY) if signed else None)
        data += line
    read = verify(data, head, CHECK if signed else None)
    ours = {"previous", "signature"} if signed else {"previous"}
    assert [{k: v for k, v in entry.items() if k not in ours} for entry in read] == [
        {k: v for k, v in entry.items() if k not in ours} for entry in entries
    ]


def test_unsigned_lines_have_the_form_they_always_had() -> None:
    entry = {"round": 7, "kind": "charge", "rho_units": 125}
    line, head = chained(GENESIS, entry)
    assert head == hashlib.sha256(line).hexdigest()
    assert line == (
        b'{"kind":"charge","previous":"' + GENESIS.encode() + b'","rho_units":125,"round":7}\n'
    )


def test_the_signature_is_ed25519_over_the_line_without_it() -> None:
    line, _ = chained(GENESIS, {"round": 7}, signer(KEY))
    entry = json.loads(line)
    signed = bytes.fromhex(entry.pop("signature"))
    body = json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()
    message = cose.assemble(body, signed, public=KEY.public)
    assert cose.verify(message, public=KEY.public, context=labels.LEDGER) == body


@pytest.mark.parametrize("sign", [None, signer(KEY)])
def test_one_bit_changed_anywhere_shows(sign: Sign | None) -> None:
    data, head = _three(sign)
    check = None if sign is None else CHECK
    for place in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            with pytest.raises(Tampered):
                verify(bytes(changed), head, check)


def test_where_lines_are_signed_the_last_line_needs_no_head() -> None:
    data, _ = _three(signer(KEY))
    start = data.rindex(b"\n", 0, -1) + 1
    for place in range(start, len(data)):
        for flip in (1, 2, 0x20):  # 0x20 makes capitals of hex digits: the same bytes once decoded
            changed = bytearray(data)
            changed[place] ^= flip
            with pytest.raises(Tampered, match=r"line [34] of the ledger"):
                verify(bytes(changed), None, CHECK)


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_missing_line_shows(missing: int) -> None:
    data, head = _three(signer(KEY))
    lines = data.splitlines(keepends=True)
    with pytest.raises(Tampered):
        verify(b"".join(lines[:missing] + lines[missing + 1 :]), head, CHECK)


def test_lines_exchanged_repeated_or_inserted_show() -> None:
    data, head = _three(signer(KEY))
    a, b, c = data.splitlines(keepends=True)
    for tampered in (a + a + b + c, b + a + c, a + c + b, a + b + c + c, b"\n" + a + b + c):
        with pytest.raises(Tampered, match="line"):
            verify(tampered, head, CHECK)


def test_a_torn_last_line_shows_and_is_named() -> None:
    data, _ = _three()
    start = data.rindex(b"\n", 0, -1) + 1
    for end in range(start + 1, len(data)):
        with pytest.raises(Tampered, match="line 3"):
            verify(data[:end], None)


def test_another_keys_lines_and_lines_without_a_signature_show() -> None:
    for sign in (signer(OTHER), None):
        data, head = _three(sign)
        with pytest.raises(Tampered, match="line 1 of the ledger is not signed by"):
            verify(data, head, CHECK)


def test_a_signature_made_for_another_use_of_the_key_is_no_ledger_line() -> None:
    data, head = _three(lambda body: cose.signature_of(KEY.sign(body, context=labels.CREDENTIAL)))
    with pytest.raises(Tampered):
        verify(data, head, CHECK)


@pytest.mark.parametrize("wrong", ["", "ab", "zz" * 64, 7, None, "00" * 64])
def test_what_is_no_signature_is_refused(wrong: object) -> None:
    line, _ = chained(GENESIS, {"round": 7}, signer(KEY))
    entry = {**json.loads(line), "signature": wrong}
    line = json.dumps(entry, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    with pytest.raises(Tampered):
        verify(line, chain.hash_of(line), CHECK)


@pytest.mark.parametrize(
    "data",
    [
        b"x\n",
        b"\xff\n",
        b"[]\n",
        b"7\n",
        b"null\n",
        b"{}\n",
        b"{",
        b'{"previous":7}\n',
        b"[" * 10**5,
    ],
)
def test_what_is_no_ledger_is_refused(data: bytes) -> None:
    with pytest.raises(Tampered, match="line 1 of the ledger"):
        verify(data, None)


def test_another_spelling_of_the_same_entry_is_refused() -> None:
    line, _ = chained(GENESIS, {"round": 7})
    for other in (
        line.replace(b":7", b": 7"),
        line.replace(b"}", b',"round":7}'),
        line.replace(b"\n", b"\r\n"),
        line.replace(b"round", b"r\\u006fund"),
    ):
        assert other != line
        with pytest.raises(Tampered):
            verify(other, chain.hash_of(other))


def test_an_empty_ledger_is_whole_and_ends_at_the_beginning() -> None:
    assert verify(b"", GENESIS) == []
    with pytest.raises(Tampered):
        verify(b"", "00" * 32)
