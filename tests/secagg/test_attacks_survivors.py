"""A coordinator that lies about who survived (attacks A3, A4, A22 of the threat model).

Eight clients, a floor of six, a quorum of five; built as in ``test_attacks_sets``.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holter.algebra.ring import total
from holter.crypto import labels
from holter.crypto.signature import payload_of
from holter.secagg import client, masking
from holter.secagg.client_states import Endorsed, Sent
from holter.secagg.errors import CoordinatorFault
from holter.secagg.messages import Survivors
from holter.secagg.session import set_bytes
from tests.secagg import forgery
from tests.secagg.cast import WORDS, Play, cast_of, rule_off, to_phase

Patch = pytest.MonkeyPatch
ALL = range(8)
NEEDED = 5


def refused(attack: Callable[[], object], says: str) -> None:
    with pytest.raises(CoordinatorFault, match=says):
        attack()


def masked_without(*absent: int) -> Play:
    """Everyone is in U2; those absent send no vector."""
    play = to_phase(cast_of(8), 1)
    play.go(i for i in ALL if i not in absent)
    return play


def endorse(play: Play, data: bytes, i: int = 0) -> Endorsed:
    assert isinstance(play.clients[i], Sent)
    return client.endorse(play.clients[i], data)[0]


def test_A3_a_survivor_set_without_me_is_refused(monkeypatch: Patch) -> None:
    play = masked_without()
    data = forgery.survivors(play, range(1, 8))
    refused(lambda: endorse(play, data), "leaves me out")
    rule_off(monkeypatch, client, "endorse", "leaves me out")
    assert 0 not in endorse(play, data).survivors


def test_A3_a_survivor_beyond_the_mask_set_is_refused(monkeypatch: Patch) -> None:
    play = to_phase(cast_of(8), 0)
    play.go(range(7)).go()
    data = forgery.survivors(play, ALL, headers={7: forgery.header(play, 7, range(7))})
    refused(lambda: endorse(play, data), "beyond the mask set")
    rule_off(monkeypatch, client, "endorse", "beyond the mask set")
    assert 7 in endorse(play, data).survivors


def test_A4_chosen_drop_outs_below_the_floor_are_refused_by_two_rules(monkeypatch: Patch) -> None:
    play = masked_without()
    data = forgery.survivors(play, range(5))
    floor, holders = "the plan's floor", "live holders"
    refused(lambda: endorse(play, data), f"5 survivors; {floor} is 6")
    with monkeypatch.context() as patch:
        rule_off(patch, client, "endorse", floor)
        refused(lambda: endorse(play, data), holders)
    rule_off(monkeypatch, client, "endorse", floor, holders)
    assert endorse(play, data).survivors == set(range(5))


def test_A22_a_phantom_survivor_without_a_header_is_refused(monkeypatch: Patch) -> None:
    play = masked_without(7)
    given = Survivors.parse(forgery.survivors(play, range(7)))
    root = forgery.root_of(play, forgery.headers_of(play))
    bitmap = set_bytes(ALL, 8)
    signed = play.cast.says(labels.SURVIVORS, play.sid, bitmap, root)
    data = Survivors(signed, given.headers).to_bytes()
    refused(lambda: endorse(play, data), "header is missing")
    rule_off(monkeypatch, client, "endorse", "header is missing")
    with pytest.raises(ValueError, match="zip"):  # past the rule, headers and clients misalign
        endorse(play, data)


@pytest.mark.parametrize("source", ["the coordinator", "client 6", "another session", "garbage"])
def test_A22_a_phantom_with_a_header_that_is_not_its_own_is_refused(
    monkeypatch: Patch, source: str
) -> None:
    play = masked_without(7)
    honest = forgery.header(play, 7, ALL)
    context = labels.MASKED + play.sid
    forged = {
        "the coordinator": play.cast.server_key.sign(payload_of(honest), context=context),
        "client 6": forgery.client_header(play.said[6][2].message),
        "another session": forgery.header(play, 7, ALL, sid=b"an earlier session's identifier!"),
        "garbage": b"\x80",
    }[source]
    root = bytes(32) if source == "garbage" else None
    data = forgery.survivors(play, ALL, headers={7: forged}, root=root)
    refused(lambda: endorse(play, data), "a survivor's header fails")
    if source in ("garbage", "another session"):
        return  # a header of another session also names another mask set
    monkeypatch.setattr(client, "verify", forgery.unsigned)
    assert 7 in endorse(play, data).survivors


def test_A22_a_phantom_that_signed_a_header_keeps_everything_closed() -> None:
    play = masked_without(7)
    helped = {7: forgery.header(play, 7, ALL)}
    for i in range(7):
        play.answer(i, forgery.survivors(play, ALL, to=i, headers=helped))
    quorum = forgery.endorsed_by(play, range(NEEDED), payload_of(play.said[0][3].message))
    for i in range(7):
        play.answer(i, quorum.to_bytes())
    seeds, edges, keys = forgery.released(play, ALL, ALL)
    secrets = [forgery.opened(seeds[i], NEEDED) for i in range(7)]
    assert not edges and not keys  # no mask key opens: all eight are called survivors
    got = forgery.masked_vectors(play)
    seven = total([got[i] for i in range(7)], WORDS)
    opened = masking.unmask(seven, [s for s in secrets if s], [])
    assert opened.tolist() != play.plain(range(7))
    # With the phantom's own help it is the sum of all honest survivors, and nothing smaller.
    pairs = forgery.pair_seeds_of(play, 7, play.clients[7].seat.secrets.mask_private)
    edges = [(i, 7, pairs[i]) for i in range(7)]
    assert masking.unmask(opened, [], edges).tolist() == play.plain(range(7))


def test_A3_a_root_of_other_headers_is_refused(monkeypatch: Patch) -> None:
    play = masked_without()
    data = forgery.survivors(play, ALL, root=b"r" * 32)
    refused(lambda: endorse(play, data), "root of headers")
    rule_off(monkeypatch, client, "endorse", "root of headers")
    assert endorse(play, data).survivors == set(ALL)
