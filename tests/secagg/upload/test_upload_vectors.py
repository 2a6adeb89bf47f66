"""The windows on file: no byte has changed, the reference arrives at them, the bad are refused.

The reference reads nothing but the file.
"""

from __future__ import annotations

import hashlib

import pytest

from holter.secagg.errors import CoordinatorFault, HelperFault, PeerFault, SecaggError
from tests.reference import cbor, hpke, signed, upload
from tests.reference.primitives import words
from tests.secagg.cast import tape
from tests.secagg.upload.replayed import (
    agreed,
    by_ours,
    by_reference,
    helper_of,
    leader_of,
    on_file,
    part,
    raw,
)
from tests.secagg.upload.rules_helper import NotValid
from tests.secagg.upload.upload_vectors import PATH, SPOILT, text

FAULTS: dict[str, type[SecaggError]] = {
    "peer": PeerFault,
    "helper": HelperFault,
    "coordinator": CoordinatorFault,
}
HELPERS = pytest.mark.parametrize("helpers", [1, 4])


def test_no_byte_of_any_message_has_changed() -> None:
    remedy = (
        "if that is meant: python -m tests.secagg.upload.upload_vectors, and a note in changes/"
    )
    assert PATH.read_text() == text(on_file()["seals"]), remedy


@HELPERS
def test_the_reference_arrives_at_every_report_but_for_its_seals(helpers: int) -> None:
    window, minute = agreed(helpers), on_file()["minute"]
    assert window.ctx.hex() == part(helpers)["window"]["ctx"]
    offers = [raw(offer) for offer in part(helpers)["offers"]]
    for i, device in enumerate(part(helpers)["devices"]):
        random = raw(device["random"]) + tape(("ephemeral", i), 32 * helpers)
        made = upload.Client(window, raw(device["key"]), raw(device["credential"])).report(
            offers, words(raw(device["vector"])), random, device["expires"], minute
        )
        both = [cbor.decode(made), cbor.decode(raw(device["report"]))]
        assert both[0][0] == both[1][0] and both[0][2] == both[1][2]
        ours, theirs = (cbor.decode(cbor.decode(one[1])[2]) for one in both)
        assert ours[:5] == theirs[:5]
        seeds = signed.pieces(raw(device["random"])[16:], 32)
        for j in range(helpers):
            info = window.info(j, ours[0], ours[1])
            private = raw(part(helpers)["keys"]["hpke"][j])
            if i == SPOILT:
                with pytest.raises(ValueError):
                    hpke.open_sealed(theirs[5][j], private, info=info)
            else:
                opened = hpke.open_sealed(theirs[5][j], private, info=info)
                assert opened == b"".join(seeds[g] for g in window.held(j))
        record = cbor.encode(["report", window.ctx, raw(device["report"])])
        assert hashlib.sha256(record).hexdigest() == device["record_sha256"]


@HELPERS
def test_the_reference_arrives_at_every_other_message_and_the_sum(helpers: int) -> None:
    found, lead, minute = part(helpers), leader_of(helpers), on_file()["minute"]
    stage = [helper_of(helpers, j) for j in range(helpers)]
    assert [helper.offer().hex() for helper in stage] == found["offers"]
    for device in reversed(found["devices"]):
        lead.receive(raw(device["report"]), minute)
    assert lead.proposal().hex() == found["proposal"]
    for j, helper in enumerate(stage):
        said = helper.verdict(lead.proposal(), minute)
        assert said.hex() == found["verdicts"][j]
        lead.verdict(j, said)
    assert lead.fix().hex() == found["list"]
    assert agreed(helpers).list_hash(lead.listed).hex() == found["list_hash"]
    if helpers == 4:
        draft = lead.sign("draft", lead.listed)
        assert draft.hex() == found["draft"]
        for j in range(3):
            said = stage[j].accept(draft, minute)
            assert said.hex() == found["signatures"][j]
            lead.agreed(j, said)
    assert lead.request().hex() == found["request"]
    for j, helper in enumerate(stage):
        said = helper.answer(lead.request(), minute)
        assert said.hex() == found["answers"][j]
        assert [record.hex() for record in helper.records] == found["records"][j]
        lead.answer(j, said)
    assert lead.total() == words(raw(found["sum"]))
    vectors = [words(raw(device["vector"])) for device in found["devices"][:SPOILT]]
    assert lead.total() == [sum(column) % 2**64 for column in zip(*vectors)]


# The bad ones

CASES = [
    pytest.param(helpers, number, id=f"{helpers}-{bad['name']}")
    for helpers in (1, 4)
    for number, bad in enumerate(part(helpers)["bad"])
]


@pytest.mark.parametrize("helpers,number", CASES)
def test_a_bad_message_is_the_fault_of_whom_the_file_names(helpers: int, number: int) -> None:
    bad = part(helpers)["bad"][number]
    attempt = by_ours(helpers, bad)
    expected = NotValid if bad["name"].startswith("left out") else FAULTS[bad["fault"]]
    with pytest.raises(expected) as caught:
        attempt()
    assert type(caught.value) is expected


@pytest.mark.parametrize("helpers,number", CASES)
def test_the_reference_refuses_it_too(helpers: int, number: int) -> None:
    bad = part(helpers)["bad"][number]
    attempt = by_reference(helpers, bad)
    with pytest.raises((ValueError, NotValid)):
        attempt()


def test_there_are_enough_bad_messages_and_each_party_has_a_share() -> None:
    found = [bad for helpers in (1, 4) for bad in part(helpers)["bad"]]
    assert len(found) > 100
    assert {bad["fault"] for bad in found} == set(FAULTS)
    assert {bad["to"] for bad in found} == {"device", "leader", "helper"}
