"""What sums, masks and lengths tell or spoil (attacks A8, A12, A16 of the threat model)."""

from __future__ import annotations

import numpy as np
import pytest

from holter.algebra.lanes import LANES_BY_BITS, pack, unpack
from holter.crypto.agreement import AgreementKey
from holter.crypto.prg import stream
from holter.secagg import keys, masking
from tests.secagg.cast import Play, cast_of, tape

N = 5


def played(values: dict[int, np.ndarray], bits: int) -> np.ndarray:
    """A whole session over packed integers; the coordinates of its sum."""
    count = len(values[0])
    words = {i: pack(each, bits) for i, each in values.items()}
    play = Play.of(cast_of(N, words=len(words[0])))
    play.vectors = words
    play.join().go().go().go().go()
    return unpack(play.finish().words, count, bits)


@pytest.mark.parametrize("bits", LANES_BY_BITS)
@pytest.mark.parametrize("extreme", ["highest", "lowest"])
@pytest.mark.parametrize("others", ["zero", "the other end"])
def test_A8_a_sum_at_the_end_of_its_lane_disturbs_no_other(
    bits: int, extreme: str, others: str
) -> None:
    lanes = LANES_BY_BITS[bits]
    ends = (2 ** (bits - 1) - 1, -(2 ** (bits - 1)))
    here, there = ends if extreme == "highest" else ends[::-1]
    there = there if others == "the other end" else 0
    sums = np.full((lanes, lanes), there, dtype=np.int64)
    np.fill_diagonal(sums, here)  # word k has lane k at one end
    first = {i: (sums // N).reshape(-1) for i in range(1, N)}
    values = {0: sums.reshape(-1) - (N - 1) * (sums // N).reshape(-1), **first}
    assert played(values, bits).tolist() == sums.reshape(-1).tolist()


@pytest.mark.parametrize("bits", LANES_BY_BITS)
def test_A8_a_sum_that_leaves_its_lane_disturbs_itself_and_one_unit_of_the_next(bits: int) -> None:
    lanes = LANES_BY_BITS[bits]
    values = {i: np.zeros(2 * lanes, dtype=np.int64) for i in range(N)}
    values[0][0] = 2 ** (bits - 1) - 1
    values[1][0] = 1  # one beyond the highest
    expected = np.zeros(2 * lanes, dtype=np.int64)
    expected[:2] = -(2 ** (bits - 1)), 1
    assert played(values, bits).tolist() == expected.tolist()


def flips(seed: bytes) -> list[bytes]:
    whole = int.from_bytes(seed, "big")
    return [(whole ^ 1 << bit).to_bytes(32, "big") for bit in range(256)]


@pytest.mark.parametrize("kind", [masking.SELF, masking.PAIR])
def test_A12_every_bit_of_a_seed_counts(kind: bytes) -> None:
    seeds = [tape("seed"), *flips(tape("seed"))]
    streams = [stream(masking.mask_key(seed, kind), 64) for seed in seeds]
    blocks = {each[at : at + 16] for each in streams for at in range(0, 64, 16)}
    assert len(blocks) == 257 * 4  # no stream shares a block with another, wherever it stands


def test_A12_masks_of_the_two_kinds_and_keys_of_two_seeds_have_nothing_in_common() -> None:
    seeds = [tape("seed"), *flips(tape("seed"))]
    assert len({masking.mask_key(s, k) for s in seeds for k in (masking.SELF, masking.PAIR)}) == 514


@pytest.mark.parametrize("changed", ["private", "sid"])
def test_A12_every_bit_of_what_a_pair_seed_is_made_of_counts(changed: str) -> None:
    peer = AgreementKey(tape("peer")).public
    base = {"private": tape("private"), "sid": tape("sid")}
    made = set()
    for value in [base[changed], *flips(base[changed])]:
        given = {**base, changed: value}
        made.add(keys.pair_seed(AgreementKey(given["private"]), 0, 1, peer, given["sid"]))
    # X25519 clamps five bits of a private key: RFC 7748, section 5
    assert len(made) == (257 - 5 if changed == "private" else 257)


def lengths(fill: int, lost: bool) -> list[list[int]]:
    play = Play.of(cast_of(N + 3, words=40), fill)
    play.vectors = {i: np.full(40, fill, dtype=np.uint64) for i in range(N + 3)}
    play.join().go().go(range(N + 3 - lost)).go().go()
    out = [[len(step.message) for step in play.said[i]] for i in sorted(play.said)]
    out += [[len(step.record) for step in play.said[i]] for i in sorted(play.said)]
    summed = play.finish()
    return [*out, [len(summed.result), len(summed.transcript)]]


@pytest.mark.parametrize("lost", [False, True])
def test_A16_no_length_depends_on_data_or_randomness(lost: bool) -> None:
    seen = [lengths(fill, lost) for fill in (0, 1, 2**63, 2**64 - 1)]
    assert all(each == seen[0] for each in seen)


def test_A16_all_clients_send_messages_of_one_length() -> None:
    rows = lengths(7, lost=False)[: N + 3]
    assert all(row == rows[0] for row in rows)
