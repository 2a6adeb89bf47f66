"""Messages to bytes and back: nothing is lost, nothing longer, shorter or other is accepted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.secagg.messages import (
    ADVERTISEMENT_LIMIT,
    HEADER_LIMIT,
    SEALED_BYTES,
    SIGNED_LIMIT,
    Advertisement,
    Endorsement,
    Inbox,
    Masked,
    MaskedHeader,
    Quorum,
    Roster,
    Shares,
    Survivors,
    Unmasking,
    parse_signed_list,
    signed_list,
)
from holter.secagg.session import COMPLETE_GRAPH_LIMIT
from holter.wire.cbor import Malformed, decode, encode
from tests.secagg.cast import Play, cast_of, to_phase

Parser = Callable[[bytes], Any]
H, S = b"h" * 32, b"s" * SEALED_BYTES

CASES: list[tuple[Any, Callable[[Any], bytes], Parser]] = [
    (Advertisement(b"c" * 150, H, H, H, H), Advertisement.payload, Advertisement.parse),
    (Roster(b"root", (b"a", b"b" * ADVERTISEMENT_LIMIT)), Roster.to_bytes, Roster.parse),
    (Shares((S, S, S)), Shares.payload, lambda data: Shares.parse(data, 3)),
    (Inbox(b"set", (S, S)), Inbox.to_bytes, Inbox.parse),
    (MaskedHeader(H, H, b"\x05"), MaskedHeader.payload, MaskedHeader.parse),
    (Masked(b"head", b"v" * 24), Masked.to_bytes, lambda data: Masked.parse(data, 24)),
    (Survivors(b"set", (b"h" * HEADER_LIMIT, b"")), Survivors.to_bytes, Survivors.parse),
    (Quorum((3, 0, 255), (b"s" * 64,) * 3), Quorum.to_bytes, Quorum.parse),
    (
        Unmasking((b"a" * 64, b"b" * 64), (b"c" * 64,)),
        Unmasking.payload,
        lambda data: Unmasking.parse(data, 2, 1),
    ),
]
names = [type(case[0]).__name__ for case in CASES]
cases = pytest.mark.parametrize(("message", "write", "parse"), CASES, ids=names)


@cases
def test_what_is_written_is_read_again(message: Any, write: Any, parse: Parser) -> None:
    assert parse(write(message)) == message


@cases
def test_no_prefix_and_no_longer_message_is_read(message: Any, write: Any, parse: Parser) -> None:
    data = write(message)
    for wrong in (data[:-1], data[: len(data) // 2], b"", data + b"\x00", data + data):
        with pytest.raises(Malformed):
            parse(wrong)


@cases
def test_a_field_more_or_less_is_refused(message: Any, write: Any, parse: Parser) -> None:
    items = decode(write(message))
    assert isinstance(items, list)
    for wrong in (items[:-1], [*items, b""], [[], *items[1:]], [*items[:-1], 7], {}, items[0]):
        with pytest.raises(Malformed):
            parse(encode(wrong))


@cases
@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_flipped_bit_gives_another_message_or_none(
    message: Any, write: Any, parse: Parser, place: int, bit: int
) -> None:
    data = bytearray(write(message))
    data[place % len(data)] ^= 1 << bit
    try:
        read = parse(bytes(data))
    except Malformed:
        return
    assert read != message
    assert write(read) == bytes(data)  # two encodings never mean the same


OVER = COMPLETE_GRAPH_LIMIT + 1


@pytest.mark.parametrize(
    ("parse", "wrong"),
    [
        (Advertisement.parse, Advertisement(b"c" * 257, H, H, H, H).payload()),
        (Advertisement.parse, Advertisement(b"c", H, H + b"x", H, H).payload()),
        (Advertisement.parse, Advertisement(b"c", H[:31], H, H, H).payload()),
        (Roster.parse, Roster(b"", (b"a",) * OVER).to_bytes()),
        (Roster.parse, Roster(b"", (b"a" * (ADVERTISEMENT_LIMIT + 1),)).to_bytes()),
        (Roster.parse, Roster(b"s" * (SIGNED_LIMIT + 1), ()).to_bytes()),
        (Inbox.parse, Inbox(b"", (S + b"x",)).to_bytes()),
        (Inbox.parse, Inbox(b"", (b"",) * OVER).to_bytes()),
        (MaskedHeader.parse, MaskedHeader(H, H, b"x" * 33).payload()),
        (MaskedHeader.parse, MaskedHeader(H[:31], H, b"").payload()),
        (Survivors.parse, Survivors(b"", (b"h" * (HEADER_LIMIT + 1),)).to_bytes()),
        (Survivors.parse, Survivors(b"", (b"",) * OVER).to_bytes()),
        (Quorum.parse, Quorum((0,) * OVER, (b"s" * 64,) * OVER).to_bytes()),
        (Quorum.parse, encode([b"\x00\x00", [b"s" * 65]])),
        (Quorum.parse, encode([b"\x00\x00\x01", [b"s" * 64]])),
        (Quorum.parse, encode([b"\x00\x00\x01\x00", [b"s" * 64]])),
        (lambda data: Shares.parse(data, 2), Shares((S,)).payload()),
        (lambda data: Shares.parse(data, 2), Shares((S, S[:-1])).payload()),
        (lambda data: Masked.parse(data, 24), Masked(b"head", b"v" * 16).to_bytes()),
        (lambda data: Masked.parse(data, 24), Masked(b"h" * 513, b"v" * 24).to_bytes()),
        (lambda data: Unmasking.parse(data, 1, 2), Unmasking((b"a" * 64,) * 2, ()).payload()),
        (lambda data: parse_signed_list(data, "x", [2]), signed_list([b"a"])),
        (lambda data: parse_signed_list(data, "x", [2]), signed_list([b"ab", b"cd"])),
    ],
)
def test_limits_are_kept(parse: Parser, wrong: bytes) -> None:
    with pytest.raises(Malformed):
        parse(wrong)


def test_a_message_over_its_limit_is_refused_before_it_is_decoded() -> None:
    deep = b"\x81" * (1 << 20)  # decoding this would complain about depth, not length
    for parse in (Advertisement.parse, MaskedHeader.parse, Survivors.parse, Roster.parse):
        with pytest.raises(Malformed, match="at most"):
            parse(deep)


def test_lengths_tell_nothing_about_what_is_sent() -> None:
    cast = cast_of(5)
    plays = [Play.of(cast, salt) for salt in ("one", "two")]
    plays[1].vectors = {i: vector * 0 for i, vector in plays[1].vectors.items()}
    for play in plays:
        play.join().go().go().go().go()
    lengths = [{i: [len(s.message) for s in p.said[i]] for i in p.said} for p in plays]
    assert lengths[0] == lengths[1]
    assert len({tuple(each) for each in lengths[0].values()}) == 1  # and nothing about who


def test_no_repr_shows_what_must_stay_closed() -> None:
    play = to_phase(cast_of(5), 4)
    released = play.said[0][-1]
    shares = next(iter(play.server.released.values()))[1]
    texts = [repr(released), repr(shares), repr(play.server), repr(play.clients[0])]
    secret = [*shares.seed_shares, *shares.key_shares, released.message]
    for text in texts:
        for value in secret:
            assert repr(value)[2:-1] not in text and value.hex() not in text


@pytest.mark.parametrize("answers", [0, 1, 2, 3])
def test_no_repr_of_a_client_shows_its_secrets(answers: int) -> None:
    play = to_phase(cast_of(4), answers)
    state = play.clients[1]
    seat = state
    while not hasattr(seat, "secrets"):
        seat = getattr(seat, "seat", None) or seat.opened
    text = repr(state)
    assert len(text) > 40
    for secret in (seat.secrets.self_seed, seat.secrets.mask_private):
        assert repr(secret)[2:-1] not in text and secret.hex() not in text


def test_an_endorsement_names_mask_set_survivors_and_headers() -> None:
    made = {
        Endorsement(a * 32, b * 32, c * 32).payload() for a in (b"1", b"2") for b in (b"1", b"2")
        for c in (b"1", b"2")
    }  # fmt: skip
    assert len(made) == 8
