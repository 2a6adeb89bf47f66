"""What a client makes durable before it speaks, and what it can do with that after a crash."""

from __future__ import annotations

import hashlib
import itertools

import pytest

from holter.crypto.agreement import AgreementKey
from holter.crypto.signature import SigningKey, payload_of
from holter.secagg import client
from holter.secagg.errors import Caller
from holter.secagg.keys import pair_seed
from holter.wire.cbor import decode, encode
from tests.secagg.cast import Play, cast_of, tape, to_phase

KINDS = ["M0", "M2", "M4", "M6", "M8"]


@pytest.fixture(scope="module")
def play() -> Play:
    """Six clients share, five stay to the end."""
    whole = Play.of(cast_of(7)).join()
    return whole.go(range(6)).go(range(5)).go().go()


def records(play: Play, i: int) -> list[bytes]:
    return [step.record for step in play.said[i]]


@pytest.mark.parametrize("step", range(5))
def test_the_record_holds_the_very_bytes_of_the_message(play: Play, step: int) -> None:
    for i in range(5):
        kind, bound_to, message = decode(play.said[i][step].record)
        assert kind == KINDS[step]
        assert message == play.said[i][step].message
        assert isinstance(bound_to, bytes) and len(bound_to) == 32


@pytest.mark.parametrize("step", range(5))
def test_a_restarted_client_repeats_its_last_message_and_can_do_nothing_else(
    play: Play, step: int
) -> None:
    restarted = client.recover(records(play, 0)[: step + 1])
    assert (restarted.kind, restarted.message) == (KINDS[step], play.said[0][step].message)
    assert set(vars(restarted)) == {"kind", "message"}  # no key, no seed, no share, no vector
    for name in ("share", "mask", "endorse", "unmask"):
        with pytest.raises((AttributeError, TypeError)):
            getattr(client, name)(restarted, b"")


def test_what_a_restarted_client_repeats_is_taken_as_the_same_message() -> None:
    play = Play.of(cast_of(5)).join()
    for _ in range(4):
        play.close()
        for i in play.outbox:
            play.answer(i)
            play.deliver(i)
        again = client.recover(records(play, 3)).message
        before = play.server
        play.deliver(3, again)
        assert repr(play.server) == repr(before)
    assert play.finish().words.tolist() == play.plain(range(5))


@pytest.mark.parametrize("step", range(5))
def test_a_torn_record_ends_the_session_on_the_device(play: Play, step: int) -> None:
    whole = records(play, 0)[: step + 1]
    cuts = {0, 1, len(whole[-1]) // 2, len(whole[-1]) - 1}
    for cut in cuts:
        with pytest.raises(Caller, match="torn"):
            client.recover([*whole[:-1], whole[-1][:cut]])
    for changed in (whole[-1] + b"\x00", whole[-1] + whole[-1], b"\x00" * len(whole[-1])):
        with pytest.raises(Caller, match="torn"):
            client.recover([*whole[:-1], changed])


def test_no_record_and_a_record_of_something_else_are_refused() -> None:
    with pytest.raises(Caller, match="never joined"):
        client.recover([])
    for kind in ("M9", "M1", "M2", ""):
        with pytest.raises(Caller, match="do not follow each other"):
            client.recover([encode([kind, bytes(32), b"x"])])
    for record in (encode(["M0", bytes(31), b"x"]), encode(["M0", b"x"]), encode("M0")):
        with pytest.raises(Caller, match="torn"):
            client.recover([record])


def test_records_that_are_not_the_first_ones_in_order_are_refused(play: Play) -> None:
    whole = records(play, 0)
    for chosen in itertools.product(range(5), repeat=2):
        if chosen != (0, 1):
            with pytest.raises(Caller, match="do not follow each other"):
                client.recover([whole[k] for k in chosen])
    for missing in range(4):
        with pytest.raises(Caller, match="do not follow each other"):
            client.recover([*whole[:missing], *whole[missing + 1 :]])
    with pytest.raises(Caller, match="do not follow each other"):
        client.recover([*whole, whole[-1]])


def test_records_are_bound_to_what_was_accepted(play: Play) -> None:
    sid = play.clients[0].sid
    bound = [decode(record)[1] for record in records(play, 0)]
    state = play.server.before.before.before
    assert bound[0] == play.cast.session.context
    assert bound[1] == state.roster.root  # one roster an advertisement, across restarts
    assert bound[2] == bound[4] == sid
    endorsed = hashlib.sha256(payload_of(play.said[0][3].message)).digest()
    assert bound[3] == endorsed  # one survivor set a session, across restarts


def drawn(play: Play, i: int) -> bytes:
    """The private keys and the seed that client i drew for its M0."""
    return tape((play.salt, "advertise", i), client.ADVERTISE_RANDOM_BYTES)


def secret_bytes(play: Play, i: int) -> dict[str, bytes]:
    """Everything that must die with the session, by name."""
    random = drawn(play, i)
    return {
        "channel key": random[:32],
        "mask key": random[32:64],
        "self-mask seed": random[64:96],
        "vector": play.vectors[i].astype("<u8").tobytes(),
        "word of the vector": play.vectors[i].astype("<u8").tobytes()[:8],
        "device key": tape(("device", i)),
    }


def test_no_secret_is_in_any_record(play: Play) -> None:
    device_seeds = {SigningKey(tape(("device", i))).public: i for i in range(7)}
    for i, steps in play.said.items():
        secrets = secret_bytes(play, i)
        secrets["device key"] = tape(("device", device_seeds[play.cast.keys[i].public]))
        coefficients = tape((play.salt, "share", i), 4096)
        for step in steps:
            for name, value in secrets.items():
                assert value not in step.record, name
            for at in range(0, len(coefficients), 16):
                assert coefficients[at : at + 16] not in step.record


def test_no_share_of_anyone_is_in_a_record_before_it_is_released(play: Play) -> None:
    for i in range(5):
        for opened in play.held[i].values():
            for share in opened:
                early = [record for record in records(play, i)[:4] if share in record]
                assert early == []
    last = records(play, 0)[4]
    held = play.held[0]
    assert all((held[j][0] in last) == (j < 5) for j in held)
    assert all((held[j][1] in last) == (j == 5) for j in held)
    assert sorted(held) == [1, 2, 3, 4, 5]


def test_no_seed_of_an_edge_is_in_a_record_but_of_one_that_dropped_out(play: Play) -> None:
    sid = play.sid
    publics = {i: AgreementKey(drawn(play, i)[32:64]).public for i in range(6)}
    for i in range(5):
        key = AgreementKey(drawn(play, i)[32:64])
        for j in set(range(6)) - {i}:
            seed = pair_seed(key, i, j, publics[j], sid)
            found = [KINDS[k] for k, record in enumerate(records(play, i)) if seed in record]
            assert found == (["M8"] if j == 5 else [])


def test_advertising_anew_for_the_same_session_makes_other_bytes() -> None:
    one, two = (to_phase(cast_of(4), 0, salt) for salt in ("before", "after the crash"))
    assert one.said[0][0].message != two.said[0][0].message
