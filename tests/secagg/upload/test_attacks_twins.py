"""Two devices under one report id (attack A24): a list must mean the same reports to everybody.

A corrupt device bears a victim's report id, and the leader shows each helper one of the two. If
one list meant both, the answers of four honest helpers would differ by the victim's mask. Both
scripts opened a vector while a list held ids alone; they do again with the digests not compared.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from holter.algebra.ring import Words
from holter.crypto.prg import add_stream
from holter.secagg.errors import CoordinatorFault, PeerFault
from holter.secagg.upload import client, helper
from holter.secagg.upload.window import REPORT_ID_BYTES, entries_of
from tests.secagg.upload.rules_helper import NotValid, last_is_valid
from tests.secagg.upload.test_attacks_leader import Patch, masked, masks, refused
from tests.secagg.upload.window_cast import WindowPlay, id_of, window_cast
from tests.secagg.upload.window_forgery import forged, seeds_of

VICTIM, CORRUPT = 3, 4


def stage(helpers: int = 4) -> tuple[WindowPlay, bytes]:
    """Five devices have reported; the fifth has another report, under the id of the fourth."""
    play = WindowPlay.of(window_cast(5, helpers, floor=4)).gather()
    return play, forged(play, CORRUPT, report_id=id_of(VICTIM))


def show(play: WindowPlay, j: int, report: bytes) -> None:
    """Helper j sees this one under the victim's id."""
    last_is_valid(play, *(play.reports[i] for i in range(3)), report, j=j)


def meanings(play: WindowPlay, twin: bytes) -> tuple[list[bytes], list[bytes]]:
    """The list with the victim, and the list with its twin; the ids are the same."""
    others = [play.reports[i] for i in range(3)]
    both = [sorted(map(play.entry, [*others, one])) for one in (play.reports[VICTIM], twin)]
    assert [entry[:16] for entry in both[0]] == [entry[:16] for entry in both[1]]
    return both[0], both[1]


def copy(play: WindowPlay) -> WindowPlay:
    kept = {j: list(records) for j, records in play.kept.items()}
    return replace(play, helpers=dict(play.helpers), kept=kept)


def digests_off(patch: Patch) -> None:
    """A list is what it was: ids, whatever stands beside them."""
    patch.setattr(
        helper,
        "_reports",
        lambda state, entries: [state.seen.get(entry[:REPORT_ID_BYTES]) for entry in entries],
    )


def corrupt_mask(play: WindowPlay) -> Words:
    known = np.zeros(3, dtype=np.uint64)
    for seed in seeds_of(play.cast, CORRUPT):
        add_stream(known, client.mask_key(seed))
    return known


def opened(play: WindowPlay, listed: list[bytes]) -> list[int]:
    """The victim's vector, if all sign and answer this one list. Raises CoordinatorFault if not."""
    signed = {j: play.endorse(j, play.listing(listed)) for j in range(4)}
    sums: list[dict[int, Words]] = [{}, {}]
    for j in range(4):
        answer = play.answer(j, play.request(listed, signed))
        sums[j // 2] |= zip(play.cast.window.held_by(j), masks(answer, 3))
    first, second = (np.sum(list(each.values()), axis=0, dtype=np.uint64) for each in sums)
    return [int(w) for w in masked(play, VICTIM) - (first - second + corrupt_mask(play))]


def test_A24_one_list_cannot_mean_two_sets_of_devices(monkeypatch: Patch) -> None:
    play, twin = stage()
    for j in range(4):
        show(play, j, play.reports[VICTIM] if j < 2 else twin)
    for meant, mine in zip(meanings(play, twin), ((0, 1), (2, 3))):
        trial = copy(play)
        draft = trial.listing(meant)
        signed = {j: trial.endorse(j, draft) for j in mine}
        for j in {*range(4)} - {*mine}:
            refused(partial(trial.endorse, j, draft), "did not find valid")
        for j in range(4):
            refused(partial(trial.answer, j, trial.request(meant, signed)), "2 helpers stand by")
    digests_off(monkeypatch)
    assert opened(play, meanings(play, twin)[0]) == play.cast.plain([VICTIM])


@pytest.mark.parametrize("which", [0, 1])
def test_A24_with_a_traitors_consent_only_one_meaning_is_ever_answered(which: int) -> None:
    """Three of four sign one of the two; the helper that saw the other answers neither."""
    play, twin = stage()
    shown = (play.reports[VICTIM], twin)
    for j in range(4):
        show(play, j, shown[which if j else 1 - which])
    meant, other = meanings(play, twin)[which], meanings(play, twin)[1 - which]
    signed = {j: play.endorse(j, play.listing(meant)) for j in (1, 2, 3)}
    for j in (1, 2, 3):
        assert play.answer(j, play.request(meant, signed))
        refused(lambda j=j: play.endorse(j, play.listing(other)), "did not find valid")
    refused(lambda: play.answer(0, play.request(meant, signed)), "did not find valid")
    refused(lambda: play.answer(0, play.request(other, signed)), "not of this list")


def test_A24_after_a_restart_a_list_means_the_devices_that_it_meant_before(
    monkeypatch: Patch,
) -> None:
    play, twin = stage()
    for j in range(4):
        show(play, j, play.reports[VICTIM])
    listed, swapped = meanings(play, twin)
    signed = {j: play.endorse(j, play.listing(listed)) for j in range(4)}
    request = play.request(listed, signed)
    honestly = masks(play.answer(0, request), 3)
    play.restart(1)
    show(play, 1, twin)
    refused(lambda: play.answer(1, request), "propose its reports again")
    refused(lambda: play.endorse(1, play.listing(swapped)), "in another list")
    with monkeypatch.context() as patch:
        digests_off(patch)
        other = masks(copy(play).answer(1, request), 3)
        assert other[2].tolist() != honestly[2].tolist()  # the fourth seed's, of other devices
    play.restart(1)
    show(play, 1, play.reports[VICTIM])
    assert masks(play.answer(1, request), 3)[2].tolist() == honestly[2].tolist()


def test_A24_one_helper_that_restarts_answers_one_meaning_too(monkeypatch: Patch) -> None:
    play, twin = stage(1)
    show(play, 0, play.reports[VICTIM])
    listed, swapped = meanings(play, twin)
    first = play.answer(0, play.request(listed))
    play.restart(0)
    show(play, 0, twin)
    assert play.answer(0, play.request(listed)) == first
    refused(lambda: play.answer(0, play.request(swapped)), "in another list")
    digests_off(monkeypatch)
    refused(lambda: play.answer(0, play.request(swapped)), "in another list")


def test_a_helper_or_leader_that_saw_one_of_two_twins_leaves_the_other_out() -> None:
    play, twin = stage(1)
    with pytest.raises(PeerFault):
        play.take(twin)
    show(play, 0, play.reports[VICTIM])
    with pytest.raises(NotValid):
        show(play, 0, twin)


def test_a_copy_of_a_report_under_another_expiry_or_seal_is_another_entry() -> None:
    """The digest is of the whole payload: nothing of a report can differ between two helpers."""
    play, _ = stage()
    base = play.reports[VICTIM]
    others = [
        forged(play, VICTIM),  # the same seeds, sealed anew
        forged(play, VICTIM, expires=play.helpers[0].closes_minute),
        forged(play, VICTIM, seeds=seeds_of(play.cast, CORRUPT)),
    ]
    entries = {play.entry(report) for report in (base, *others)}
    assert len(entries) == 4 and {entry[:16] for entry in entries} == {id_of(VICTIM)}
    for entry in entries:
        assert entries_of(entry) == (entry,)
    show(play, 0, base)
    rest = play.entries(0, 1, 2)
    for report in others:
        listed = sorted([*rest, play.entry(report)])
        with pytest.raises(CoordinatorFault, match="did not find valid"):
            play.endorse(0, play.listing(listed))
    assert play.endorse(0, play.listing(sorted([*rest, play.entry(base)])))
