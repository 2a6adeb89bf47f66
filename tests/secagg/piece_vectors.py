"""What vectors/secagg_pieces.json holds: every derivation of the page alone, in and out.

An implementation that fails on a whole session finds here which step of it is wrong.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from holter.algebra import lanes
from holter.algebra.ring import to_bytes, zeros
from holter.crypto import aead, labels, merkle, prg, shamir
from holter.crypto.agreement import AgreementKey, expand
from holter.crypto.signature import SigningKey
from holter.rounds.groups import group_of
from holter.secagg import connectivity, graph, keys, masking
from holter.secagg.session import set_bytes, set_hash
from holter.trust import credential
from holter.wire.cbor import Value, encode
from tests.secagg.cast import TODAY, cast_of, tape
from tests.secagg.session_vectors import FOLDER

PATH = FOLDER / "secagg_pieces.json"
SID = tape("a sid")
LOW, HIGH = 2, 258  # two roster indices, so that both bytes of each count


def make() -> dict[str, Any]:
    """All that the file holds; byte strings as hexadecimal."""
    return {
        "about": "holter secure aggregation, version 1, suite 1: single steps",
        "labels": {
            name: value.decode() for name, value in sorted(vars(labels).items()) if name.isupper()
        },
        "cbor": [{"value": shown(value), "hex": encode(value).hex()} for value in CBOR],
        "signed": signed(),
        "session": session(),
        "edges": edges(),
        "masks": masks(),
        "shamir": [dealt(*case) for case in ((1, 1), (1, 3), (2, 4))] + [skipped()],
        "merkle": [
            merkle.root([merkle.leaf(bytes([i])) for i in range(count)]).hex()
            for count in range(1, 10)
        ],
        "bitmaps": [
            {"size": size, "members": members, "hex": set_bytes(members, size).hex()}
            for size, members in ((1, []), (8, [0, 7]), (9, [0, 3, 8]), (257, [0, 255, 256]))
        ],
        "set_hash": set_hash(SID, {0, 3, 8}, 9).hex(),
        "graphs": [graph_of(*case) for case in ((257, 1), (257, 3), (300, 22), (2048, 40))],
        "accepts": [
            {"case": list(case), "accepted": connectivity.accepts(*case)} for case in ACCEPTS
        ],
        "lanes": [packed(bits, values) for bits in (32, 21, 16) for values in LANES],
        "groups": [
            {"beacon": bytes(32).hex(), "device": tape(i).hex(), "groups": count,
             "group": group_of(tape(i), bytes(32), count)}
            for i, count in ((0, 1), (1, 2), (2, 3), (3, 7))
        ],
    }  # fmt: skip


CBOR: list[Value] = [
    *(0, 1, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**64 - 1),
    *(-1, -24, -25, -256, -257, -(2**32), -(2**64)),
    *(True, False, None, b"", b"\x00", bytes(23), bytes(24), bytes(256), "", "a", "\u00fc", "\u6c34"),
    *([], [1, [2, [3]]], [0] * 24, {}, {1: -8, 4: b"kid"}),
    {10: 1, 100: 2, -1: 3, "z": 4, "aa": 5},
    [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]],
]  # fmt: skip

LANES = ([0], [1, -1, 2, -2, 3], [2**31 - 1, -(2**31)], [-1] * 7, [32767, -32768, 5, -5])

ACCEPTS = (
    (9, 0, 3, 0, 5), (9, 0, 4, 0, 5), (9, 0, 3, 0, 6), (9, 2, 2, 0, 6), (9, 0, 3, 1, 5),
    (256, 12, 100, 0, 135), (256, 12, 120, 0, 135), (256, 12, 121, 0, 135),
    (257, 10, 27, 22, 21), (257, 10, 27, 24, 21), (257, 10, 27, 22, 31), (257, 10, 27, 22, 4),
    (257, 10, 27, 6, 5), (257, 10, 27, 0, 134), (257, 10, 27, 257, 100), (257, 10, 27, 258, 100),
    (300, 15, 30, 24, 21), (300, 15, 150, 24, 21), (512, 25, 100, 40, 30), (1000, 50, 100, 40, 40),
)  # fmt: skip


def shown(value: Value) -> Any:
    """A value as JSON: bytes as {"bytes": hex}, maps as {"map": pairs}, text as {"text": ...}."""
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, dict):
        return {"map": [[shown(key), shown(entry)] for key, entry in value.items()]}
    if isinstance(value, list):
        return [shown(entry) for entry in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
        return {"integer": str(value)}
    return value


def signed() -> dict[str, Any]:
    seed, payload = tape("a signer"), encode([b"a payload"])
    key, registrar = SigningKey(seed), SigningKey(tape("registrar"))
    issued = credential.Credential(key.public, 1, TODAY + 30)
    return {
        "seed": seed.hex(),
        "public": key.public.hex(),
        "label": labels.INBOX.decode(),
        "bound": SID.hex(),
        "payload": payload.hex(),
        "message": key.sign(payload, context=labels.INBOX + SID).hex(),
        "registrar_seed": tape("registrar").hex(),
        "credential": {"epoch": 1, "expiry_day": TODAY + 30,
                       "message": credential.issue(registrar, issued).hex()},
    }  # fmt: skip


def session() -> dict[str, Any]:
    agreed, device, seed = cast_of(9).session, tape("a device key"), tape("a self-mask seed")
    root = tape("a root")
    return {
        "fields": shown(list(agreed.fields)),
        "ctx": agreed.context.hex(),
        "root": root.hex(),
        "sids": [
            {"n": n, "cycles": h, "threshold": t,
             "sid": agreed.bound_to_roster(n, h, t, root).hex()}
            for n, h, t in ((9, 0, 5), (257, 24, 21), (2048, 300, 299))
        ],
        "device_key": device.hex(),
        "self_mask_seed": seed.hex(),
        "commitment": agreed.commitment(device, seed).hex(),
    }  # fmt: skip


def edges() -> dict[str, Any]:
    """Everything between the clients LOW and HIGH; LOW deals."""
    private = {i: (tape(("channel", i)), tape(("mask", i))) for i in (LOW, HIGH)}
    channel = {i: AgreementKey(both[0]) for i, both in private.items()}
    mask = {i: AgreementKey(both[1]) for i, both in private.items()}
    agreed = channel[LOW].agree(channel[HIGH].public)
    made = {}
    for dealer, holder in ((LOW, HIGH), (HIGH, LOW)):
        key = keys.channel_key(
            agreed, dealer, holder, channel[dealer].public, channel[holder].public, SID
        )
        seed_share, key_share = tape("a seed share", 64), tape("a key share", 64)
        context = SID + keys.ends(dealer, holder)
        made[f"{dealer} to {holder}"] = {
            "channel_key": key.hex(),
            "seal": aead.seal_once(key, seed_share + key_share, context=context).hex(),
            "seed_tag": keys.seed_tag(SID, dealer, holder, seed_share).hex(),
            "key_tag": keys.key_tag(SID, dealer, holder, key_share).hex(),
        }
    seed = keys.pair_seed(mask[HIGH], HIGH, LOW, mask[LOW].public, SID)
    return {
        "sid": SID.hex(),
        "private": {str(i): [each.hex() for each in both] for i, both in private.items()},
        "agreed": agreed.hex(),
        "seed_share": tape("a seed share", 64).hex(),
        "key_share": tape("a key share", 64).hex(),
        "pair_seed": seed.hex(),
        "edge_tag": keys.edge_tag(SID, HIGH, LOW, seed).hex(),
        **made,
    }


def masks() -> dict[str, Any]:
    seed, other = tape("a seed"), tape("another seed")
    return {
        "key": seed.hex(),
        "other": other.hex(),
        "stream_of_key": prg.stream(seed, 48).hex(),
        "expanded": expand(seed, info=b"info").hex(),
        "self_mask": to_bytes(masking.masked(zeros(5), 1, seed, {})).hex(),
        "self_and_higher": to_bytes(masking.masked(zeros(5), 1, seed, {2: other})).hex(),
        "self_and_lower": to_bytes(masking.masked(zeros(5), 1, seed, {0: other})).hex(),
    }


def dealt(count: int, threshold: int) -> dict[str, Any]:
    """``count`` secrets dealt together to holders near and far."""
    random = tape(("coefficients", count, threshold), shamir.random_bytes_needed(count, threshold))
    return _dealt(count, threshold, random)


def skipped() -> dict[str, Any]:
    """Draws of p, with and without the top bit, are passed over."""
    random = tape("coefficients", shamir.random_bytes_needed(1, 2))
    return _dealt(1, 2, b"\xff\xff\xff\xff" + b"\xff\xff\xff\x7f" + random[8:])


def _dealt(count: int, threshold: int, random: bytes) -> dict[str, Any]:
    secrets, holders = [tape(("a secret", i)) for i in range(count)], [0, 1, 5, 255, 2047]
    shares = shamir.split(secrets, holders, threshold, random=random)
    return {
        "secrets": [secret.hex() for secret in secrets],
        "threshold": threshold,
        "random": random.hex(),
        "holders": holders,
        "shares": [[share.hex() for share in row] for row in shares],
    }


def graph_of(size: int, cycles: int) -> dict[str, Any]:
    every = graph.all_neighbours(SID, size, cycles)
    joined = b"".join(j.to_bytes(2, "big") for row in every for j in row)
    chosen = (0, 1, size // 2, size - 1)
    return {
        "sid": SID.hex(),
        "n": size,
        "cycles": cycles,
        "first_cycle_starts": graph.cycle(SID, size, 0).tolist()[:12],
        "neighbours": {str(i): list(every[i]) for i in chosen},
        "hash_of_all": hashlib.sha256(joined).hexdigest(),
    }


def packed(bits: int, values: list[int]) -> dict[str, Any]:
    words = lanes.pack(np.array(values, dtype=np.int64), bits)
    back = lanes.unpack(words, len(values), bits).tolist()
    return {"bits": bits, "values": values, "words": to_bytes(words).hex(), "decoded": back}
