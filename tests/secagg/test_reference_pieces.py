"""Every single step on file, made a second time by the implementation of the page alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.reference import bounds, cbor, five, graph, primitives, sharing, signed
from tests.reference import session as s
from tests.secagg import piece_vectors

unhex = bytes.fromhex


@pytest.fixture(scope="module")
def pieces() -> dict[str, Any]:
    return json.loads(piece_vectors.PATH.read_text())


def value_of(shown: Any) -> Any:
    """A value out of its JSON form."""
    if isinstance(shown, dict):
        ((kind, inner),) = shown.items()
        if kind == "map":
            return {value_of(key): value_of(entry) for key, entry in inner}
        return {"bytes": unhex, "text": str, "integer": int}[kind](inner)
    return [value_of(entry) for entry in shown] if isinstance(shown, list) else shown


def test_good_cbor_has_one_encoding(pieces: dict[str, Any]) -> None:
    for entry in pieces["cbor"]:
        data = unhex(entry["hex"])
        assert cbor.encode(value_of(entry["value"])) == data
        assert cbor.decode(data) == value_of(entry["value"])


def test_signed_objects_and_credentials(pieces: dict[str, Any]) -> None:
    told = pieces["signed"]
    seed, label = unhex(told["seed"]), told["label"].encode()
    bound, payload = unhex(told["bound"]), unhex(told["payload"])
    assert signed.sign(seed, label, bound, payload).hex() == told["message"]
    public = unhex(told["public"])
    assert signed.verify(public, label, bound, unhex(told["message"])) == payload
    held = told["credential"]
    made = s.issue(unhex(told["registrar_seed"]), public, held["epoch"], held["expiry_day"])
    assert made.hex() == held["message"]
    registrar = primitives.ed25519_public(unhex(told["registrar_seed"]))
    assert s.check(registrar, made, held["expiry_day"]) == public
    with pytest.raises(five.Refused):
        s.check(registrar, made, held["expiry_day"] + 1)


def test_contexts_and_commitments(pieces: dict[str, Any]) -> None:
    told = pieces["session"]
    version, suite, task, session, group, model, plan = value_of(told["fields"])
    assert (version, suite) == (1, 1)
    own = five.Session(task.decode(), session, model, plan, bytes(32), bytes(32), group)
    assert own.ctx.hex() == told["ctx"]
    for case in told["sids"]:
        root = unhex(told["root"])
        sid = s.sid_of(own.ctx, case["n"], case["cycles"], case["threshold"], root)
        assert sid.hex() == case["sid"]
    device, seed = unhex(told["device_key"]), unhex(told["self_mask_seed"])
    assert s.commitment(own.ctx, device, seed).hex() == told["commitment"]


def test_keys_seals_seeds_and_tags_of_an_edge(pieces: dict[str, Any]) -> None:
    told = pieces["edges"]
    sid = unhex(told["sid"])
    channel, mask = (
        {int(i): unhex(both[k]) for i, both in told["private"].items()} for k in (0, 1)
    )
    low, high = channel
    public = {i: primitives.x25519(key) for i, key in channel.items()}
    agreed = primitives.x25519(channel[low], public[high])
    assert agreed.hex() == told["agreed"]
    seed_share, key_share = unhex(told["seed_share"]), unhex(told["key_share"])
    for dealer, holder in ((low, high), (high, low)):
        case = told[f"{dealer} to {holder}"]
        info = s.channel_info(dealer, holder, public[dealer], public[holder])
        key = primitives.hkdf(sid, agreed, info)
        assert key.hex() == case["channel_key"]
        aad = sid + signed.u16(dealer) + signed.u16(holder)
        sealed = primitives.gcm_seal(key, bytes(12), seed_share + key_share, aad)
        assert sealed.hex() == case["seal"]
        tags = [
            s.share_tag(name, sid, dealer, holder, share).hex()
            for name, share in (("seed-tag", seed_share), ("key-tag", key_share))
        ]
        assert tags == [case["seed_tag"], case["key_tag"]]
    for one, other in ((low, high), (high, low)):
        keys = primitives.x25519(mask[one]), primitives.x25519(mask[other])
        seed = s.pair_seed(sid, one, mask[one], keys[0], other, keys[1])
        assert seed.hex() == told["pair_seed"]
        assert s.edge_tag(sid, one, other, seed).hex() == told["edge_tag"]


def test_streams_and_masks(pieces: dict[str, Any]) -> None:
    told = pieces["masks"]
    key, other = unhex(told["key"]), unhex(told["other"])
    assert primitives.ctr_stream(key, 48).hex() == told["stream_of_key"]
    assert primitives.expand(key, b"info").hex() == told["expanded"]
    own, pair = s.mask_of(key, b"self", 5), s.mask_of(other, b"pair", 5)
    assert primitives.unwords(own).hex() == told["self_mask"]
    assert primitives.unwords(s.combine(own, pair)).hex() == told["self_and_higher"]
    assert primitives.unwords(s.combine(own, pair, -1)).hex() == told["self_and_lower"]


def test_shares(pieces: dict[str, Any]) -> None:
    for told in pieces["shamir"]:
        secrets, holders = [unhex(each) for each in told["secrets"]], told["holders"]
        threshold = told["threshold"]
        dealt = sharing.deal(secrets, threshold, unhex(told["random"]), holders)
        for place, secret in enumerate(secrets):
            assert [dealt[h][place].hex() for h in holders] == told["shares"][place]
            some = {h: dealt[h][place] for h in holders[-threshold:]}
            assert sharing.recover(some) == secret


def test_roots_bitmaps_and_hashes_of_sets(pieces: dict[str, Any]) -> None:
    for count, root in enumerate(pieces["merkle"], start=1):
        leaves = [primitives.sha256(b"\x00" + bytes([i])) for i in range(count)]
        assert signed.merkle(leaves).hex() == root
    for told in pieces["bitmaps"]:
        assert signed.bitmap(told["members"], told["size"]).hex() == told["hex"]
        assert signed.members(unhex(told["hex"]), told["size"]) == told["members"]
    sid = unhex(pieces["edges"]["sid"])
    assert signed.set_hash(sid, [0, 3, 8], 9).hex() == pieces["set_hash"]


def test_graphs(pieces: dict[str, Any]) -> None:
    for told in pieces["graphs"]:
        sid, size = unhex(told["sid"]), told["n"]
        assert graph.cycle(sid, 0, size)[:12] == told["first_cycle_starts"]
        around = graph.neighbours(sid, size, told["cycles"])
        assert {int(i): row for i, row in told["neighbours"].items()} == {
            int(i): around[int(i)] for i in told["neighbours"]
        }
        joined = b"".join(signed.u16(j) for row in around for j in row)
        assert primitives.sha256(joined).hex() == told["hash_of_all"]


def test_graphs_that_a_device_accepts(pieces: dict[str, Any]) -> None:
    for told in pieces["accepts"]:
        assert bounds.accepts(*told["case"], 80, 20) == told["accepted"], told["case"]


def test_lanes(pieces: dict[str, Any]) -> None:
    """Section 7 of the page: word = sum of x_l 2^(r l) mod 2^64, lane 0 lowest."""
    for told in pieces["lanes"]:
        bits, values = told["bits"], told["values"]
        lanes = 64 // bits
        rows = [values[i : i + lanes] for i in range(0, len(values), lanes)]
        words = [sum(x << bits * at for at, x in enumerate(row)) % 2**64 for row in rows]
        assert primitives.unwords(words).hex() == told["words"]
        decoded = []
        for word in words:
            rest = word
            for _ in range(lanes):
                low = rest % 2**bits
                low -= 2**bits if low >> bits - 1 else 0
                decoded.append(low)
                rest = (rest - low) % 2**64 >> bits
        assert decoded[: len(values)] == told["decoded"]


def test_groups_and_labels(pieces: dict[str, Any]) -> None:
    for told in pieces["groups"]:
        found = five.group_of(unhex(told["beacon"]), unhex(told["device"]), told["groups"])
        assert found == told["group"]
    names = "ctx sid chan pair mask commit graph set seed-tag key-tag edge-tag"
    names += " m0 m1 m2 m3 m4 m5 m6 m8 m9 transcript"
    labels = set(pieces["labels"].values())
    assert {signed.label(name).decode() for name in names.split()} == {
        label for label in labels if label.startswith("holter/secagg/1/")
    }
    assert s.CREDENTIAL.decode() in labels and s.GROUP.decode() in labels
