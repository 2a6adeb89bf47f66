"""A coordinator that lies about who takes part (attacks A1, A5, A7, A11, A19 of the threat model).

Each test carries out its attack twice: it is refused, and without the one rule that refuses it,
it gets past that point. So no test here passes for a reason other than the one it names.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holter.crypto import labels, merkle, signature
from holter.crypto.signature import SigningKey, payload_of
from holter.secagg import client, roster
from holter.secagg.client import Seated
from holter.secagg.errors import CoordinatorFault
from holter.secagg.messages import Advertisement, Inbox, Roster
from holter.trust import credential
from tests.secagg.cast import TODAY, Cast, Play, cast_of, roster_statement, rule_off, tape

Patch = pytest.MonkeyPatch


def advertised(cast: Cast, salt: object = "") -> Play:
    play = Play.of(cast, salt)
    play.advertise()
    return play


def offer(play: Play, messages: list[bytes], *, to: int = 0, sort: bool = True) -> Seated:
    """A roster of any rows, with the root that they have, signed by the coordinator."""
    cast = play.cast
    rows = sorted(messages, key=lambda m: device_key(m)) if sort else messages
    root = merkle.root([merkle.leaf(payload_of(row)) for row in rows])
    data = Roster(roster_statement(cast, root), tuple(rows)).to_bytes()
    return client.accept_roster(play.clients[to], data, cast.check)


def device_key(message: bytes) -> bytes:
    """Taken on trust, as a lying coordinator's own code would."""
    held = Advertisement.parse(payload_of(message)).credential
    return payload_of(held)[3:35]  # [device key, epoch, expiry]: array head, two of a string


def rows_of(play: Play) -> list[bytes]:
    return [play.said[i][0].message for i in play.clients]


def advertisement(
    cast: Cast, i: int, *, key: SigningKey | None = None, held: bytes | None = None, **other: bytes
) -> bytes:
    """M0 of client i with anything in it changed."""
    random = tape(("forged", i), client.ADVERTISE_RANDOM_BYTES)
    state, _ = client.advertise(
        cast.session, cast.keys[i], cast.credentials[i] if held is None else held, random=random
    )
    honest = Advertisement.parse(payload_of(state.message))
    fields = {name: getattr(honest, name) for name in Advertisement.__dataclass_fields__}
    payload = Advertisement(**{**fields, **other}).payload()
    context = labels.ADVERTISE + cast.session.context
    return (key or cast.keys[i]).sign(payload, context=context)


def refused(attack: Callable[[], object], says: str) -> None:
    with pytest.raises(CoordinatorFault, match=says):
        attack()


def unsigned(message: bytes, *, public: bytes, context: bytes) -> bytes:
    """A ``verify`` that verifies nothing."""
    return payload_of(message)


def test_an_honest_roster_is_accepted() -> None:
    play = advertised(cast_of(5))
    for i in range(5):
        assert offer(play, rows_of(play), to=i).me == i


def test_A1_a_row_made_for_another_model_is_refused(monkeypatch: Patch) -> None:
    play, other = advertised(cast_of(5)), advertised(cast_of(5, model=b"another model"))
    rows = [*rows_of(play)[:4], rows_of(other)[4]]
    refused(lambda: offer(play, rows), "does not verify in this context")
    monkeypatch.setattr(roster.signature, "verify", unsigned)
    assert offer(play, rows).me == 0


def test_A1_clients_of_two_models_share_no_session() -> None:
    one, other = cast_of(4), cast_of(4, model=b"another model")
    assert one.session.context != other.session.context
    sids = {offer(advertised(c), rows_of(advertised(c))).roster.sid for c in (one, other)}
    assert len(sids) == 2


@pytest.mark.parametrize("row", [1, 4])
@pytest.mark.parametrize(
    ("forge", "says"),
    [
        (lambda c: (SigningKey(tape("fake registrar")), TODAY), "not enrolled"),
        (lambda c: (c.server_key, TODAY), "not enrolled"),
        (lambda c: (c.registrar, TODAY - 1), "expired"),
    ],
    ids=["forged", "issued by the coordinator", "expired"],
)
def test_A5_a_credential_that_does_not_hold_sinks_the_roster_wherever_it_stands(
    monkeypatch: Patch, row: int, forge: Callable[[Cast], tuple[SigningKey, int]], says: str
) -> None:
    cast = cast_of(5)
    issuer, expires = forge(cast)
    held = credential.issue(issuer, credential.Credential(cast.keys[row].public, 1, expires))
    play = advertised(cast)
    rows = rows_of(play)
    rows[row] = advertisement(cast, row, held=held)
    refused(lambda: offer(play, rows), says)
    monkeypatch.setattr(Cast, "check", lambda self, message: payload_of(message)[3:35])
    assert offer(play, rows).me == 0


def test_A5_a_credential_shown_by_someone_else_is_refused(monkeypatch: Patch) -> None:
    cast = cast_of(5)
    play = advertised(cast)
    thief = SigningKey(tape("thief"))
    rows = [*rows_of(play)[:4], advertisement(cast, 4, key=thief)]
    refused(lambda: offer(play, rows), "signed by another key")
    real = signature.verify

    def lax(message: bytes, *, public: bytes, context: bytes) -> bytes:
        ours = context.startswith(labels.ADVERTISE)
        return payload_of(message) if ours else real(message, public=public, context=context)

    monkeypatch.setattr(roster.signature, "verify", lax)
    assert offer(play, rows).me == 0


def test_A5_a_device_that_stands_twice_is_refused(monkeypatch: Patch) -> None:
    cast = cast_of(6, smallest=5)
    play = advertised(cast)
    twin = advertisement(cast, 4)
    rows = [*rows_of(play)[:5], twin]
    refused(lambda: offer(play, rows), "stands twice")
    rule_off(monkeypatch, roster, "table", "stands twice")
    assert offer(play, rows).me == 0


def test_A7_a_shrunk_cohort_is_refused(monkeypatch: Patch) -> None:
    play = advertised(cast_of(5))
    rows = rows_of(play)[:3]
    refused(lambda: offer(play, rows), "a roster of 3; the plan allows 4 to 5")
    rule_off(monkeypatch, client, "accept_roster", "the plan allows")
    assert offer(play, rows).threshold == 2  # lower than any plan asked for


def test_A7_a_cohort_beyond_the_plan_is_refused(monkeypatch: Patch) -> None:
    small, large = cast_of(5), cast_of(7)
    play = Play.of(small)
    play.advertise()
    rows = [advertisement(small, 0, key=k, held=c) for k, c in zip(large.keys, large.credentials)]
    rows = [row for row in rows if device_key(row) not in {k.public for k in small.keys}]
    rows += rows_of(play)
    refused(lambda: offer(play, rows), "the plan allows 4 to 5")
    rule_off(monkeypatch, client, "accept_roster", "the plan allows")
    assert len(offer(play, rows).roster) == 7


@pytest.mark.parametrize("swap", [(1, 2), (0, 4)])
def test_A6_rows_in_another_order_are_refused(monkeypatch: Patch, swap: tuple[int, int]) -> None:
    play = advertised(cast_of(5))
    rows = rows_of(play)
    a, b = swap
    rows[a], rows[b] = rows[b], rows[a]
    sorted_root = merkle.root([merkle.leaf(payload_of(row)) for row in rows_of(play)])
    data = Roster(roster_statement(play.cast, sorted_root), tuple(rows)).to_bytes()
    refused(
        lambda: client.accept_roster(play.clients[0], data, play.cast.check), "order of device keys"
    )
    rule_off(monkeypatch, roster, "read_roster", "order of device keys")
    monkeypatch.setattr(client, "read_roster", roster.read_roster)
    assert client.accept_roster(play.clients[0], data, play.cast.check).me == 0


def test_A6_a_root_of_other_rows_is_refused(monkeypatch: Patch) -> None:
    play = advertised(cast_of(5))
    data = Roster(roster_statement(play.cast, b"r" * 32), tuple(rows_of(play))).to_bytes()

    def attack() -> Seated:
        return client.accept_roster(play.clients[0], data, play.cast.check)

    refused(attack, "not the root of its rows")
    rule_off(monkeypatch, roster, "read_roster", "not the root")
    monkeypatch.setattr(client, "read_roster", roster.read_roster)
    assert attack().me == 0


@pytest.mark.parametrize("label", [labels.INBOX, labels.RESULT, labels.SURVIVORS])
def test_A11_a_root_signed_for_another_purpose_or_by_another_is_refused(
    monkeypatch: Patch, label: bytes
) -> None:
    play = advertised(cast_of(5))
    cast, rows = play.cast, rows_of(play)
    root = merkle.root([merkle.leaf(payload_of(row)) for row in rows])
    foreign = SigningKey(tape("another coordinator"))
    context = labels.ROSTER + cast.session.context
    for signed in (
        cast.says(label, cast.session.context, root),
        cast.says(labels.ROSTER, b"c" * 32, root),
        foreign.sign(payload_of(roster_statement(cast, root)), context=context),
    ):
        data = Roster(signed, tuple(rows)).to_bytes()
        with monkeypatch.context() as patch:
            with pytest.raises(CoordinatorFault, match="not the coordinator's"):
                client.accept_roster(play.clients[0], data, cast.check)
            patch.setattr(client, "verify", unsigned)
            assert client.accept_roster(play.clients[0], data, cast.check).me == 0


@pytest.mark.parametrize("how", ["left out", "replaced", "replayed from before"])
def test_A11_a_roster_without_my_advertisement_as_i_sent_it_is_refused(
    monkeypatch: Patch, how: str
) -> None:
    cast = cast_of(5)
    play = advertised(cast)
    rows = rows_of(play)
    if how == "left out":
        rows = rows[1:]
    elif how == "replaced":
        rows[0] = advertisement(cast, 0)
    else:
        rows = rows_of(advertised(cast, "an earlier run of the same session"))
    refused(lambda: offer(play, rows), "as I sent it")
    rule_off(monkeypatch, client, "accept_roster", "as I sent it")
    with pytest.raises(IndexError):  # past the rule: it goes to the seat that is not mine
        offer(play, rows)


def test_A11_a_second_roster_for_one_advertisement_finds_nobody_to_accept_it() -> None:
    cast = cast_of(5)
    play = advertised(cast)
    first, second = rows_of(play), rows_of(play)[:4]
    state = offer(play, first)
    shared, _ = client.share(state, random=tape("r", client.share_random_bytes(state)))
    root = merkle.root([merkle.leaf(payload_of(row)) for row in second])
    data = Roster(roster_statement(cast, root), tuple(second)).to_bytes()
    with pytest.raises(CoordinatorFault):
        client.accept_inbox(shared, data)
    assert offer(play, second).roster.sid != state.roster.sid  # and nothing made for one


def test_A11_seals_of_one_roster_do_not_open_under_another() -> None:
    cast = cast_of(5)
    plays = [Play.of(cast) for _ in range(2)]
    plays[0].join().go()
    plays[1].join(range(4)).go()
    for play in plays:
        play.close()
    foreign = Inbox.parse(plays[0].outbox[0]).sealed[:3]
    own = Inbox.parse(plays[1].outbox[0]).signed_mask_set
    opened = client.accept_inbox(plays[1].clients[0], Inbox(own, foreign).to_bytes())
    assert opened.held == {}
