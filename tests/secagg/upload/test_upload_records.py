"""What a helper and a device make durable, and what a restart may and may not forget."""

from __future__ import annotations

import pytest

from holter.secagg.errors import Caller, CoordinatorFault
from holter.secagg.upload import helper
from holter.wire.cbor import decode, encode
from tests.secagg.cast import tape
from tests.secagg.upload.window_cast import EXPIRES, WindowPlay, id_of, judged, window_cast

FOUR = pytest.mark.parametrize("helpers", [1, 4])


def asked(helpers: int) -> tuple[WindowPlay, bytes]:
    play = judged(5, helpers)
    return play, play.stand()


@FOUR
def test_a_helper_records_the_list_and_then_the_answer(helpers: int) -> None:
    play, request = asked(helpers)
    said = play.answer(0, request)
    listed, answered = (decode(record) for record in play.kept[0])
    (list_hash,) = play.helpers[0].answered
    joined = b"".join(play.entries(*range(5)))
    owners = {id_of(i): play.cast.keys[i].public for i in range(5)}
    keys = b"".join(owners[entry[:16]] for entry in play.entries(*range(5)))
    assert listed == ["listed", list_hash, joined + keys]
    assert answered == ["answered", list_hash, said]


@FOUR
def test_no_record_holds_a_seed(helpers: int) -> None:
    play, request = asked(helpers)
    play.answer(0, request)
    seeds = [seed for one in play.helpers[0].seen.values() for seed in one.seeds]
    assert seeds
    assert not any(seed in record for seed in seeds for record in play.kept[0])


@FOUR
def test_what_was_accepted_is_written_once(helpers: int) -> None:
    play, request = asked(helpers)
    for _ in range(3):
        play.answer(0, request)
        if helpers == 4:
            play.endorse(0, play.listing(play.entries(*range(5))))
    assert [decode(record)[0] for record in play.kept[0]] == ["listed", "answered"]


@FOUR
@pytest.mark.parametrize("kept", [0, 1, 2])
def test_a_helper_that_died_at_any_write_gives_one_answer_or_the_same(
    helpers: int, kept: int
) -> None:
    """Nothing left it before all records were durable, so it may begin anew after fewer."""
    play, request = asked(helpers)
    first = play.answer(0, request)
    play.kept[0] = play.kept[0][:kept]
    play.restart(0)
    if kept < 2:
        says = "propose its reports again" if kept else "did not find valid"
        with pytest.raises(CoordinatorFault, match=says):
            play.answer(0, request)
        play.examine(0, play.proposal(list(play.reports.values())))
    assert play.answer(0, request) == first


@FOUR
def test_a_restarted_helper_keeps_its_lists_and_forgets_its_seeds(helpers: int) -> None:
    play, request = asked(helpers)
    play.answer(0, request)
    before = play.helpers[0]
    play.restart(0)
    after = play.helpers[0]
    assert (after.listed, after.answered, after.seen) == (before.listed, before.answered, {})
    assert helper.restored(after, play.kept[0]) == after


def test_a_restart_between_signing_and_answering_does_not_free_a_report() -> None:
    play = judged(5, 4)
    draft = play.listing(play.entries(0, 1, 2))
    first = play.endorse(0, draft)
    play.restart(0)
    play.examine(0, play.proposal(list(play.reports.values())))
    with pytest.raises(CoordinatorFault, match="in another list"):
        play.endorse(0, play.listing(play.entries(2, 3, 4)))
    assert play.endorse(0, draft) == first


TORN = {
    "cut off": lambda record: record[:-1],
    "longer": lambda record: record + b"\0",
    "empty": lambda record: b"",
    "of another kind": lambda record: encode(["report", *decode(record)[1:]]),
    "without its kind": lambda record: encode(decode(record)[1:]),
    "for a short hash": lambda record: encode([decode(record)[0], b"", decode(record)[2]]),
    "of no bytes": lambda record: encode([*decode(record)[:2], None]),
    "with a piece of a row": lambda record: encode(["listed", bytes(32), bytes(79)]),
    "out of order": lambda record: encode(["listed", bytes(32), bytes(160)]),
    "of the old form": lambda record: encode(["listed", bytes(32), bytes(48)]),
    "for another list": lambda record: encode([decode(record)[0], bytes(32), decode(record)[2]]),
}


@pytest.mark.parametrize("how", TORN)
def test_a_torn_record_ends_the_window_for_its_helper(how: str) -> None:
    play, request = asked(1)
    play.answer(0, request)
    fresh = play.fresh(0)[0]
    for at in range(2):
        records = list(play.kept[0])
        records[at] = TORN[how](records[at])
        with pytest.raises(Caller, match="not whole, its window is over"):
            helper.restored(fresh, records)


def test_a_record_whose_list_is_not_the_one_it_names_is_torn() -> None:
    play, request = asked(1)
    play.answer(0, request)
    kind, list_hash, _ = decode(play.kept[0][0])
    rows = b"".join(play.entries(0, 1, 2)) + b"".join(play.cast.keys[i].public for i in range(3))
    with pytest.raises(Caller, match="a list of another window, or another list"):
        helper.restored(play.fresh(0)[0], [encode([kind, list_hash, rows])])
    with pytest.raises(Caller, match="a list of another window, or another list"):
        helper.restored(play.fresh(0)[0], [encode([kind, tape("another window's"), rows])])


def test_a_record_of_another_window_is_foreign() -> None:
    play, request = asked(1)
    play.answer(0, request)
    other = WindowPlay.of(window_cast(5, window_id=b"window-000000002"))
    with pytest.raises(Caller, match="a list of another window, or another list"):
        helper.restored(other.helpers[0], play.kept[0])


def test_a_record_of_an_answer_without_that_of_its_list_means_that_records_were_lost() -> None:
    """Without the list its reports are free again: two answers that differ by one report."""
    play = judged(5)
    play.answer(0, play.request(play.entries(0, 1, 2, 3)))
    play.kept[0] = play.kept[0][1:]
    with pytest.raises(Caller, match="a record of kind 'answered' without the one before it"):
        play.restart(0)


@pytest.mark.parametrize("lost", range(4))
def test_records_that_are_lost_or_disordered_between_two_lists_are_noticed(lost: int) -> None:
    """But for the last one: it may never have been durable, and then nothing left after it."""
    play = judged(6)
    for who in ((0, 1, 2), (3, 4, 5)):
        play.answer(0, play.request(play.entries(*who)))
    first, answer, second, last = play.kept[0]
    fresh = play.fresh(0)[0]
    for kept in ([answer, first, second, last], [first, answer, last, second], [last], [answer]):
        with pytest.raises(Caller, match="not whole, its window is over"):
            helper.restored(fresh, kept)
    kept = [record for at, record in enumerate(play.kept[0]) if at != lost]
    if lost in (0, 2):
        with pytest.raises(Caller, match="without the one before it"):
            helper.restored(fresh, kept)
    else:  # the list is kept, so its reports stay used up
        found = helper.restored(fresh, kept)
        assert len(found.listed) == 2 and len(found.answered) == 1


def test_records_of_another_list_do_not_carry_an_answer() -> None:
    play = judged(6)
    for who in ((0, 1, 2), (3, 4, 5)):
        play.answer(0, play.request(play.entries(*who)))
    with pytest.raises(Caller, match="without the one before it"):
        helper.restored(play.fresh(0)[0], [play.kept[0][0], play.kept[0][3]])


def test_a_list_is_answered_after_its_reports_expired_if_it_was_accepted_before() -> None:
    """Four helpers sign in time; who answers later is not kept from it (section 6, Valid)."""
    play = judged(5, 4)
    request = play.stand(silent=(3,))
    assert play.answer(0, request, minute=EXPIRES + 1)
    with pytest.raises(CoordinatorFault, match="has expired"):
        play.answer(3, request, minute=EXPIRES)
