"""Messages to bytes and back: nothing is lost, nothing longer, shorter or other is accepted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.secagg.keys import TAG_BYTES
from holter.secagg.messages import (
    ADVERTISEMENT_LIMIT,
    CREDENTIAL_LIMIT,
    HEADER_LIMIT,
    PLACE_BYTES,
    SEALED_BYTES,
    SIGNED_LIMIT,
    Advertised,
    Advertisement,
    Endorsement,
    Inbox,
    Masked,
    MaskedHeader,
    Peer,
    Quorum,
    Roster,
    Shares,
    Survivors,
    Terms,
    Unmasking,
    indices_bytes,
    parse_statement,
    statement,
)
from holter.secagg.session import SESSION_LIMIT
from holter.wire.cbor import Malformed, decode, encode
from tests.secagg.cast import Play, cast_of, to_phase
from tests.secagg.parsers import PARSERS, tried
from tests.secagg.staging import values

Parser = Callable[[bytes], Any]
H, S, T = b"h" * 32, b"s" * SEALED_BYTES, b"t" * TAG_BYTES
PLACE = b"p" * PLACE_BYTES
PEER = Peer(b"c" * 32, b"m" * 32, b"o" * 32, b"n" * 32, b"s" * 64)


def shares_of(data: bytes) -> Shares:
    return Shares.parse(data, 2)


CASES: list[tuple[Any, Callable[[Any], bytes], Parser]] = [
    (Advertised(b"c" * 150, b"signed"), Advertised.to_bytes, Advertised.parse),
    (Advertisement(H, b"c" * 32, b"m" * 32, H, H), Advertisement.payload, Advertisement.parse),
    (Terms(22, 21, H), Terms.payload, Terms.parse),
    (
        Roster(b"terms", ((b"a" * 32, H), (b"b" * 32, H)), (PEER, PEER), (b"", b"c" * 256)),
        Roster.to_bytes,
        Roster.parse,
    ),
    (Shares((S, b"z" * 144), (T, T), (T, b"k" * 8), (b"e" * 8, T)), Shares.payload, shares_of),
    (Inbox(b"set", (PLACE, b"", b"short")), Inbox.to_bytes, Inbox.parse),
    (MaskedHeader(H, H, b"\x05"), MaskedHeader.payload, MaskedHeader.parse),
    (Masked(b"head", b"v" * 24), Masked.to_bytes, lambda data: Masked.parse(data, 24)),
    (Survivors(b"set", (b"h" * HEADER_LIMIT, b"")), Survivors.to_bytes, Survivors.parse),
    (Quorum((3, 0, 2047), (b"s" * 64, b"t" * 64, b"u" * 64)), Quorum.to_bytes, Quorum.parse),
    (
        Unmasking((b"a" * 64, b"b" * 64), (b"e" * 32,), (b"c" * 64,)),
        Unmasking.payload,
        lambda data: Unmasking.parse(data, 2, 1, 1),
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


OVER = SESSION_LIMIT + 1
ROW = (H, H)


@pytest.mark.parametrize(
    ("parse", "wrong"),
    [
        (Advertised.parse, Advertised(b"c" * (CREDENTIAL_LIMIT + 1), b"s").to_bytes()),
        (Advertised.parse, Advertised(b"c", b"s" * ADVERTISEMENT_LIMIT).to_bytes()),
        (Advertisement.parse, Advertisement(H, H + b"x", H, H, H).payload()),
        (Advertisement.parse, Advertisement(H, H[:31], H, H, H).payload()),
        (Terms.parse, Terms(SESSION_LIMIT, 3, H).payload()),
        (Terms.parse, Terms(3, SESSION_LIMIT, H).payload()),
        (Terms.parse, encode([-1, 3, H])),
        (Terms.parse, encode([True, 3, H])),
        (Terms.parse, Terms(0, 3, H + b"x").payload()),
        (Roster.parse, Roster(b"", (ROW,) * OVER, (), (b"",) * OVER).to_bytes()),
        (Roster.parse, Roster(b"", (ROW,), (PEER,) * OVER, (b"",)).to_bytes()),
        (Roster.parse, Roster(b"", (ROW,), (), ()).to_bytes()),
        (Roster.parse, Roster(b"", (ROW,), (), (b"", b"")).to_bytes()),
        (Roster.parse, Roster(b"", (ROW,), (), (b"c" * (CREDENTIAL_LIMIT + 1),)).to_bytes()),
        (Roster.parse, Roster(b"s" * (SIGNED_LIMIT + 1), (), (), ()).to_bytes()),
        (Roster.parse, Roster(b"", ((H, H[:31]),), (), (b"",)).to_bytes()),
        (Roster.parse, encode([b"", b"", PEER.to_bytes()[:-1], []])),
        (Inbox.parse, Inbox(b"", (b"",) * OVER).to_bytes()),
        (MaskedHeader.parse, MaskedHeader(H, H, b"x" * (SESSION_LIMIT // 8 + 1)).payload()),
        (MaskedHeader.parse, MaskedHeader(H[:31], H, b"").payload()),
        (Survivors.parse, Survivors(b"", (b"h" * (HEADER_LIMIT + 1),)).to_bytes()),
        (Survivors.parse, Survivors(b"", (b"",) * OVER).to_bytes()),
        (Quorum.parse, Quorum((0,) * OVER, (b"s" * 64,) * OVER).to_bytes()),
        (Quorum.parse, encode([b"\x00\x00", b"s" * 65])),
        (Quorum.parse, encode([b"\x00\x00\x01", b"s" * 64])),
        (Quorum.parse, encode([b"\x00\x00\x01\x00", b"s" * 64])),
        (shares_of, Shares((S,), (T,), (T,), (T,)).payload()),
        (shares_of, Shares((S, S[:-1]), (T, T), (T, T), (T, T)).payload()),
        (shares_of, Shares((S, S), (T, T), (T, T, T), (T, T)).payload()),
        (shares_of, Shares((S, S), (T, T), (T, T), (T, T[:-1])).payload()),
        (lambda data: Masked.parse(data, 24), Masked(b"head", b"v" * 16).to_bytes()),
        (lambda data: Masked.parse(data, 24), Masked(b"h" * 513, b"v" * 24).to_bytes()),
        (
            lambda data: Unmasking.parse(data, 1, 1, 2),
            Unmasking((b"a" * 64,) * 2, (H,), (b"a" * 64,)).payload(),
        ),
        (lambda data: Unmasking.parse(data, 0, 1, 0), Unmasking((), (H, H), ()).payload()),
        (lambda data: parse_statement(data, "x", [2]), statement([b"a"])),
        (lambda data: parse_statement(data, "x", [2]), statement([b"ab", b"cd"])),
    ],
)
def test_limits_are_kept(parse: Parser, wrong: bytes) -> None:
    with pytest.raises(Malformed):
        parse(wrong)


def test_a_message_over_its_limit_is_refused_before_it_is_decoded() -> None:
    deep = b"\x81" * (1 << 21)  # decoding this would complain about depth, not length
    parsers = [case[2] for case in CASES]
    assert len(parsers) == 11
    for parse in parsers:
        with pytest.raises(Malformed, match="at most"):
            parse(deep)


def test_indices_are_two_bytes_each_the_lower_first() -> None:
    assert indices_bytes([0, 1, 256, 2047]) == bytes([0, 0, 1, 0, 0, 1, 0xFF, 7])
    assert indices_bytes([]) == b""


def test_a_place_of_a_dealer_is_its_seal_and_the_tags_of_both_shares() -> None:
    shares = Shares((S, b"z" * 144), (T, b"a" * 8), (T, b"k" * 8), (T, b"e" * 8))
    assert shares.place(1) == b"z" * 144 + b"a" * 8 + b"k" * 8
    assert len(shares.place(0)) == PLACE_BYTES == 160


def test_a_neighbours_advertisement_comes_back_whole_from_its_row_and_its_keys() -> None:
    own = Advertisement(H, PEER.channel_key, PEER.mask_key, PEER.commitment, PEER.nonce)
    assert PEER.advertisement(H) == own


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=60, deadline=None)
@given(data=st.one_of(st.binary(max_size=200), values.map(encode)))
def test_a_parser_refuses_any_bytes_or_they_are_the_only_ones_that_mean_this(
    name: str, data: bytes
) -> None:
    tried(name, data)


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
    play = Play.of(cast_of(5)).join().go().go(range(4)).go().go()
    released = play.said[0][-1]
    shares = next(iter(play.server.released.values()))[1]
    texts = [repr(released), repr(shares), repr(play.server), repr(play.clients[0])]
    secret = [*shares.seed_shares, *shares.edge_seeds, *shares.key_shares, released.message]
    assert len(shares.seed_shares) == 3 and len(shares.edge_seeds) == len(shares.key_shares) == 1
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
