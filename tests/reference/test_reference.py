"""The second implementation held against published answers and against itself.

That it agrees with the first one is tested elsewhere; here both sides are its own.
"""

from __future__ import annotations

import ast
import pathlib
from fractions import Fraction

import pytest

from tests.reference import bounds, cbor, five, graph, primitives, sharing, signed
from tests.reference import session as s
from tests.reference.bench import CLOSING, DAY, MINUTE, Bench, Uploads, dice
from tests.reference.five import Abandoned, Refused

HERE = pathlib.Path(__file__).parent


def test_nothing_here_imports_holter_or_numpy() -> None:
    for path in HERE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {name.split(".")[0] for name in names} & {"holter", "numpy"}, path


# Published answers


def test_sha256_and_hkdf() -> None:
    # FIPS 180 example "abc"; RFC 5869 A.1 and A.3
    assert primitives.sha256(b"abc").hex().startswith("ba7816bf8f01cfea414140de5dae2223")
    ikm, salt, info = bytes([11]) * 22, bytes(range(13)), bytes(range(0xF0, 0xFA))
    assert primitives.hkdf(salt, ikm, info, 42).hex() == (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )
    assert primitives.hkdf(b"", ikm, b"", 42).hex() == (
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    )


def test_x25519() -> None:
    # RFC 7748 sections 5.2 and 6.1
    out = primitives.x25519(
        bytes.fromhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
        bytes.fromhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"),
    )
    assert out.hex() == "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
    nine = bytes([9]) + bytes(31)
    assert primitives.x25519(nine, nine).hex().startswith("422c8e7a6227d7bca1350b3e2bb7279f")
    a = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f92ebc099f3b6a6f9c2b6f4c3f1")
    b = dice("b", 32)
    shared = primitives.x25519(a, primitives.x25519(b))
    assert shared == primitives.x25519(b, primitives.x25519(a))


def test_every_key_of_low_order_is_known() -> None:
    from tests.reference.curves import LOW_ORDER, P

    for u in LOW_ORDER:
        key = u.to_bytes(32, "little")
        assert primitives.x25519(dice("any", 32), key) == bytes(32)
        assert primitives.low_order(key)
        assert primitives.low_order(key[:31] + bytes([key[31] | 128]))
    assert primitives.low_order((P + 1).to_bytes(32, "little"))
    assert not primitives.low_order(primitives.x25519(dice("any", 32)))


def test_ed25519() -> None:
    # RFC 8032 section 7.1, tests 1 to 3
    for private, public, message, signature in (
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
            "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e"
            "458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290"
            "ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ):
        key, text, sig = bytes.fromhex(private), bytes.fromhex(message), bytes.fromhex(signature)
        assert primitives.ed25519_public(key).hex() == public
        assert primitives.ed25519_sign(key, text) == sig
        assert primitives.ed25519_verify(bytes.fromhex(public), text, sig)
        assert not primitives.ed25519_verify(bytes.fromhex(public), text + b"!", sig)
        high = int.from_bytes(sig[32:], "little") + 2**252 + 27742317777372353535851937790883648493
        malleable = sig[:32] + high.to_bytes(32, "little")
        assert not primitives.ed25519_verify(bytes.fromhex(public), text, malleable)


def test_counter_mode_and_gcm() -> None:
    # SP 800-38A F.5.5, first block
    key = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
    stream = primitives.ctr_stream(key, 16, int.from_bytes(bytes(range(0xF0, 0x100)), "big"))
    assert stream.hex() == "0bdf7df1591716335e9a8b15c860c502"
    # The GCM proposal's cases 13, 14 and 16
    zero, nonce = bytes(32), bytes(12)
    assert primitives.gcm_seal(zero, nonce, b"", b"").hex() == "530f8afbc74536b9a963b4f1c4cb738b"
    assert primitives.gcm_seal(zero, nonce, bytes(16), b"").hex() == (
        "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
    )
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
    nonce = bytes.fromhex("cafebabefacedbaddecaf888")
    aad = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    plain = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e24"
        "49a6b525b16aedf5aa0de657ba637b39"
    )
    sealed = primitives.gcm_seal(key, nonce, plain, aad)
    assert sealed[-16:].hex() == "76fc6ece0f4e1768cddf8853bb2d551b"
    assert primitives.gcm_open(key, nonce, sealed, aad) == plain
    with pytest.raises(Refused):
        primitives.gcm_open(key, nonce, sealed[:-1] + bytes([sealed[-1] ^ 1]), aad)


# Section 1


def test_cbor_has_one_encoding_of_each_value() -> None:
    value = [0, 23, 24, 255, 256, 2**32, 2**64 - 1, -1, -(2**64), b"x", "ü", {1: -8, 4: b""}]
    value += [{"b": 1, "aa": 2, 10: 3}, True, False, None, [], {}]
    assert cbor.decode(cbor.encode(value)) == value
    assert cbor.encode({"b": 1, "aa": 2, 10: 3, -1: 4}).hex() == "a40a03200461620162616102"
    for bad in (
        "1817 1900ff 1a0000ffff 1b00000000ffffffff 5801ff f93c00 fb3ff0000000000000 c100 9fff 5fff"
        " a2010201 02 a201020103 a202010101 a1410001 a1f501 f7 f800 e0 61ff 0000 82 8201 4201 1c"
        " 1f ff 7a00000001 9bffffffffffffffff c249010000000000000000 62eda0"
    ).split():
        if bad != "02":
            with pytest.raises(Refused):
                cbor.decode(bytes.fromhex(bad))
    deep: list[object] = []
    for _ in range(15):
        deep = [deep]
    assert cbor.decode(cbor.encode(deep)) == deep
    for wrong in ([deep], 2**64, 1.5, bytearray(b"x"), {b"k": 1}, {True: 1}, (1,), "\ud800"):
        with pytest.raises(Refused):
            cbor.encode(wrong)
    with pytest.raises(Refused):
        cbor.decode(b"\x81" + cbor.encode(deep))


def test_signed_objects() -> None:
    key = dice("signer", 32)
    public = primitives.ed25519_public(key)
    data = signed.sign(key, b"label", b"bound", b"payload")
    assert signed.verify(public, b"label", b"bound", data) == b"payload"
    header, _, payload, signature = cbor.decode(data)
    other = cbor.encode({1: -8, 4: bytes(8)})
    for items in (
        [other, {}, payload, signature],
        [header, {1: 1}, payload, signature],
        [header, {}, payload + b"!", signature],
        [header, {}, payload],
    ):
        with pytest.raises(Refused):
            signed.verify(public, b"label", b"bound", cbor.encode(items))
    for label, bound in ((b"labe", b"bound"), (b"label", b"")):
        with pytest.raises(Refused):
            signed.verify(public, label, bound, data)


def test_bitmaps_and_roots() -> None:
    assert signed.bitmap([0, 3, 8], 9) == bytes([9, 1])
    assert signed.members(bytes([9, 1]), 9) == [0, 3, 8]
    for bad in (bytes([9, 2]), bytes([9]), bytes(3)):
        with pytest.raises(Refused):
            signed.members(bad, 9)
    leaves = [bytes([i]) * 32 for i in range(5)]

    def node(a: bytes, b: bytes) -> bytes:
        return primitives.sha256(b"\x01" + a + b)

    four = node(node(leaves[0], leaves[1]), node(leaves[2], leaves[3]))
    assert signed.merkle(leaves) == node(four, leaves[4])
    assert signed.merkle(leaves[:1]) == leaves[0]


def test_sharing() -> None:
    secrets = [dice("one", 32), dice("two", 32)]
    dealt = sharing.deal(secrets, 3, dice("coefficients", 300), range(6))
    for holders in ((0, 1, 2), (5, 3, 1)):
        for k in (0, 1):
            assert sharing.recover({h: dealt[h][k] for h in holders}) == secrets[k]
    skipped = b"\xff\xff\xff\xff" + b"\x01\0\0\x80" + b"\xff\xff\xff\x7f" + b"\x02\0\0\0"
    assert sharing.draw(skipped, 2) == [1, 2]
    assert sharing.deal(secrets, 1, b"", [7])[7] == [
        b"".join(secret[i : i + 2] + b"\0\0" for i in range(0, 32, 2)) for secret in secrets
    ]
    # degree 1 for all limbs comes before degree 2
    row = b"".join(i.to_bytes(4, "little") for i in range(1, 17))
    share = sharing.deal([bytes(32)], 3, row + bytes(64), [4])[4][0]
    assert sharing.values_of(share) == [5 * i for i in range(1, 17)]
    for wrong in (b"\xff\xff\xff\x7f" + bytes(60), b"\0\0\1\0" + bytes(60), bytes(63)):
        with pytest.raises(Refused):
            sharing.recover({0: wrong})


def test_graph() -> None:
    around = graph.neighbours(dice("sid", 32), 300, 5)
    assert graph.degrees(around)[1] <= 10
    assert all(i in around[j] for i in range(300) for j in around[i])
    assert all(row == sorted(set(row) - {i}) for i, row in enumerate(around))
    assert graph.neighbours(b"", 3, 0) == [[1, 2], [0, 2], [0, 1]]
    assert sorted(graph.cycle(dice("sid", 32), 4, 300)) == list(range(300))


# Appendix A


def test_bounds_on_the_complete_graph() -> None:
    assert bounds.accepts(6, 1, 1, 0, 4, 80, 20)
    assert not bounds.accepts(6, 1, 2, 0, 4, 80, 20)  # n - e >= t + 1 fails
    assert not bounds.accepts(6, 1, 1, 0, 5, 80, 20)
    assert not bounds.accepts(6, 1, 1, 3, 4, 80, 20)


def test_bounds_on_a_sparse_graph() -> None:
    assert bounds.accepts(257, 10, 27, 22, 21, 80, 20)
    for cycles, threshold in ((22, 31), (22, 4), (6, 5), (0, 134), (300, 100)):
        assert not bounds.accepts(257, 10, 27, cycles, threshold, 80, 20)
    assert abs(sum(bounds.degree_law(40, 9).values()) - 1) < 1e-12


def test_terms_against_slow_counting() -> None:
    from math import comb, exp, factorial, isclose

    n, d, h, k = 12, 4, 2, 3
    ways = sum(comb(d, j) * comb(k - 1, j - 1) * comb(n - k - 1 - j, n - k - d) for j in (1, 2, 3))
    p = Fraction(ways * factorial(k) * factorial(n - k - d) * factorial(d - 1), factorial(n - 1))
    sep = comb(n, k) * comb(n - k, d) * p**h
    assert isclose(exp(bounds.log_separated(n, d, h, k)), sep, rel_tol=1e-9)
    q = Fraction(2, n - 2 * k)
    tail = sum(comb(12, i) * q**i * (1 - q) ** (12 - i) for i in range(6, 13))
    slow = comb(n, k) * tail
    assert isclose(exp(bounds.log_opened(n, 2, h, 4, k)), slow, rel_tol=1e-9)


# The five messages


def test_everyone_stays() -> None:
    bench = Bench(5, floor=4)
    total, _, transcript, blamed = bench.unmask(bench.endorse(bench.mask(bench.share())))
    assert total == bench.cohort.sum(range(5), 3)
    assert blamed == []
    assert all(client.state == "done" for client in bench.clients)
    assert all(not client.secrets for client in bench.clients)
    fields = cbor.decode(cbor.decode(transcript)[2])
    assert fields[14] == [5, 5, 5, 3, 5]
    kinds = [cbor.decode(record)[0] for record in bench.clients[0].records]
    assert kinds == ["M0", "M2", "M4", "M6", "M8"]


@pytest.mark.parametrize("gone", [0, 2, 4])
def test_one_is_lost_in_each_place(gone: int) -> None:
    others = [i for i in range(5) if i != gone]
    bench = Bench(5, floor=4)
    total, *_ = bench.unmask(bench.endorse(bench.mask(bench.share(lost=[gone]))))
    assert total == bench.cohort.sum(others, 3)

    bench = Bench(5, floor=4)  # lost with its inbox: its pair masks are opened
    survivors = bench.mask(bench.share(), lost=[gone])
    assert sorted(survivors) == others
    total, *_, blamed = bench.unmask(bench.endorse(survivors))
    assert total == bench.cohort.sum(others, 3)
    assert blamed == []


def test_two_are_lost_and_one_at_the_end() -> None:
    bench = Bench(7, floor=5)
    survivors = bench.mask(bench.share(lost=[6]), lost=[1])
    total, *_ = bench.unmask(bench.endorse(survivors))
    assert total == bench.cohort.sum([0, 2, 3, 4, 5], 3)

    bench = Bench(7, floor=5)
    survivors = bench.mask(bench.share(), lost=[1])
    total, *_, blamed = bench.unmask(bench.endorse(survivors), lost=[4])
    assert total == bench.cohort.sum([0, 2, 3, 4, 5, 6], 3)  # 4 was silent after M7, 1 after M3
    assert blamed == []


def test_no_slack_at_the_floor() -> None:
    # n - e = t + 1: each survivor has t holders, and one silent in the last phase ends it
    bench = Bench(5, floor=4)
    m7 = bench.endorse(bench.mask(bench.share(), lost=[0]))
    with pytest.raises(Abandoned):
        bench.unmask(m7, lost=[2])


def test_lost_after_the_vector_is_still_in_the_sum() -> None:
    bench = Bench(5, floor=4)
    survivors = bench.mask(bench.share())
    m7 = bench.endorse({i: m5 for i, m5 in survivors.items() if i != 3}, lost=[1])
    total, *_ = bench.unmask(m7)
    assert total == bench.cohort.sum(range(5), 3)


def test_six_with_one_colluder() -> None:
    bench = Bench(6, floor=5, colluders=1)
    survivors = bench.mask(bench.share(), lost=[2])
    total, *_ = bench.unmask(bench.endorse(survivors))
    assert total == bench.cohort.sum([0, 1, 3, 4, 5], 3)


def test_false_shares_are_blamed_on_their_holder() -> None:
    bench = Bench(6, floor=5, colluders=1)
    m7 = bench.endorse(bench.mask(bench.share()))
    held = bench.clients[1].secrets["held"]
    held[0] = (bytes(64), held[0][1])
    held[2] = (b"\xff" * 64, held[2][1])
    total, *_, blamed = bench.unmask(m7)
    assert (total, blamed) == (bench.cohort.sum(range(6), 3), [1])


def test_false_key_shares_and_too_few_true_ones() -> None:
    bench = Bench(6, floor=5, colluders=1)
    m7 = bench.endorse(bench.mask(bench.share(), lost=[5]))
    for j in (1, 2):
        held = bench.clients[j].secrets["held"]
        held[5] = (held[5][0], b"\xff" * 64)
    bench.clients[0].secrets["edges"][5] = bytes(32)
    with pytest.raises(Abandoned) as found:
        bench.unmask(m7)
    assert found.value.blamed == [1, 2]  # three true shares of four are not enough


def test_a_false_edge_seed_is_blamed_on_its_sender() -> None:
    bench = Bench(6, floor=5, colluders=1)
    m7 = bench.endorse(bench.mask(bench.share(), lost=[5]))
    bench.clients[3].secrets["edges"][5] = bytes(32)
    total, *_, blamed = bench.unmask(m7)
    assert (total, blamed) == (bench.cohort.sum(range(5), 3), [3])


def resigned(bench: Bench, i: int, name: str, data: bytes, at: int, value: bytes) -> bytes:
    """A message of client i with one byte string of its payload replaced, signed anew."""
    fields = cbor.decode(cbor.decode(data)[2])
    fields[at] = value
    key, sid = bench.cohort.devices[i], bench.server.sid
    return signed.sign(key, signed.label(name), sid, cbor.encode(fields))


def test_a_false_edge_tag_is_blamed_on_the_dropped() -> None:
    bench = Bench(6, floor=5, colluders=1)

    def change(i: int, m2: bytes) -> bytes:
        return resigned(bench, i, "m2", m2, 3, bytes(40)) if i == 5 else m2

    m7 = bench.endorse(bench.mask(bench.share(change=change), lost=[5]))
    total, *_, blamed = bench.unmask(m7)
    assert (total, blamed) == (bench.cohort.sum(range(5), 3), [5])


def test_a_dealer_of_wrong_shares_is_blamed() -> None:
    bench = Bench(6, floor=5, colluders=1)
    original = bench.clients[2].advertise

    def advertise(random: bytes) -> bytes:
        out = original(random)
        bench.clients[2].secrets["b"] = bytes(32)  # not what it committed to
        return out

    bench.clients[2].advertise = advertise  # type: ignore[method-assign]
    with pytest.raises(Abandoned) as found:
        bench.unmask(bench.endorse(bench.mask(bench.share())))
    assert found.value.blamed == [2]


def test_complaints_are_borne() -> None:
    bench = Bench(7, floor=5)

    def change(i: int, m3: bytes) -> bytes:
        head, places = cbor.decode(m3)
        if i == 1:
            places[0], places[4] = b"", places[4][:-1] + bytes([places[4][-1] ^ 1])
        return cbor.encode([head, places])

    m7 = bench.endorse(bench.mask(bench.share(), lost=[5], change=change))
    assert bench.server.complaints[1] == {0, 5}
    bench.clients[2].secrets["edges"][5] = bytes(32)  # so that 5's key is needed
    total, *_, blamed = bench.unmask(m7)
    assert (total, blamed) == (bench.cohort.sum([0, 1, 2, 3, 4, 6], 3), [2])


def test_too_many_complaints_leave_the_dealer_out() -> None:
    bench = Bench(6, floor=5, colluders=1)

    def change(i: int, m2: bytes) -> bytes:
        return resigned(bench, i, "m2", m2, 1, bytes(40)) if i == 4 else m2

    survivors = bench.mask(bench.share(change=change))
    assert sorted(survivors) == [0, 1, 2, 3, 5]
    total, *_, blamed = bench.unmask(bench.endorse(survivors))
    assert (total, blamed) == (bench.cohort.sum([0, 1, 2, 3, 5], 3), [4])


def test_a_small_sparse_session(monkeypatch: pytest.MonkeyPatch) -> None:
    # The bounds allow no such graph below 257 clients, so they are set aside here.
    monkeypatch.setattr(graph, "COMPLETE", 4)
    monkeypatch.setattr(five.Bounds, "accepts", lambda *_: True)
    bench = Bench(9, floor=6, sparse=(4, 2))
    survivors = bench.mask(bench.share(lost=[7]), lost=[0])
    total, *_, blamed = bench.unmask(bench.endorse(survivors), lost=[3])
    assert graph.degrees(bench.server.near)[0] < 8
    assert (total, blamed) == (bench.cohort.sum(sorted(survivors), 3), [])


def test_a_client_on_a_roster_of_257() -> None:
    bench = Bench(257, floor=230, colluders=10, sparse=(22, 21))
    object.__setattr__(bench.bounds, "largest_roster", 257)
    rows = bench.join()
    a = 0
    b = bench.server.near[a][0]
    for i in (a, b):
        bench.server.shares(i, bench.clients[i].share(rows[i], dice(f"share {i}", 1 << 14)))
    tags = [
        bench.server.m2[i].edge_tags[bench.server.near[i].index(j)] for i, j in ((a, b), (b, a))
    ]
    assert tags[0] == tags[1]
    dealt, at = bench.server.m2[a], bench.server.near[a].index(b)
    bench.clients[b]._open(a, dealt.seals[at] + dealt.seed_tags[at] + dealt.key_tags[at])


# What is refused


def test_a_client_checks_its_roster() -> None:
    bench = Bench(5, floor=4)
    m1 = bench.join()[2]
    head, rows, near, credentials = cbor.decode(m1)
    server = bench.server_private

    def forged(*values: object) -> bytes:
        return signed.sign(server, signed.label("m1"), bench.session.ctx, cbor.encode(list(values)))

    root = bench.server.root
    swapped = rows[64:128] + rows[:64] + rows[128:]
    late = s.issue(bench.cohort.registrar, bench.cohort.publics[0], 1, DAY - 1)
    for bad in (
        [head[:-1] + bytes([head[-1] ^ 1]), rows, near, credentials],
        [forged(0, 2, root), rows, near, credentials],
        [forged(1, 3, root), rows, near, credentials],
        [forged(0, 3, bytes(32)), rows, near, credentials],
        [head, swapped, near, credentials],
        [head, rows[:-64], near, credentials[:-1]],
        [head, rows, near[:-192], credentials],
        [head, rows, near[:191] + bytes([near[191] ^ 1]) + near[192:], credentials],
        [head, rows, bytes(32) + near[32:], credentials],
        [head, rows, near, [b"", *credentials[1:]]],
        [head, rows, near, [late, *credentials[1:]]],
        [head, rows, near, [credentials[1], *credentials[1:]]],
    ):
        client = bench.client(2)
        client.advertise(dice("advertise 2", 128))
        with pytest.raises(Refused):
            client.share(cbor.encode(bad), dice("share 2", 1 << 14))
        assert client.state == "left" and not client.secrets
        with pytest.raises(Refused):
            client.share(m1, dice("share 2", 1 << 14))
    known = five.Client(
        bench.session, bench.bounds, bench.cohort.devices[2], bench.cohort.credentials[2], DAY,
        known=dict(zip(bench.cohort.publics, bench.cohort.credentials)),
    )  # fmt: skip
    known.advertise(dice("advertise 2", 128))
    known.share(cbor.encode([head, rows, near, [b""] * 5]), dice("share 2", 1 << 14))
    with pytest.raises(Refused):
        known.share(m1, dice("share 2", 1 << 14))


def test_a_client_checks_what_follows() -> None:
    bench = Bench(5, floor=4)
    inboxes = bench.share()
    server, sid = bench.server_private, bench.server.sid

    def m3(who: list[int]) -> bytes:
        head = signed.sign(server, signed.label("m3"), sid, cbor.encode([signed.bitmap(who, 5)]))
        return cbor.encode([head, cbor.decode(inboxes[4])[1][: len(who) - 1]])

    for bad in (m3([0, 1, 2, 3]), m3([0, 1, 4]), inboxes[4][:-1]):
        client = bench.client(4)
        client.__dict__.update(bench.clients[4].__dict__)
        client.secrets = dict(bench.clients[4].secrets)
        with pytest.raises(Refused):
            client.mask(bad, [1, 2, 3])
    # The server shows client 4 another U2 than the others: its header is refused by them.
    bench.clients[4].mask(m3([0, 1, 2, 4]), [1, 2, 3])
    other = signed.sign(bench.cohort.devices[4], signed.label("m4"), sid, bench.clients[4].header)
    survivors = bench.mask({i: m for i, m in inboxes.items() if i != 4})
    bad_m4 = cbor.encode([other, bytes(24)])
    with pytest.raises(Refused):
        bench.server.masked(4, bad_m4)
    head, headers = cbor.decode(survivors[0])
    with pytest.raises(Refused):
        bench.clients[0].endorse(cbor.encode([head, [other, *headers[1:]]]))
    u3 = signed.bitmap([0, 1, 2, 3], 5)
    wrong = signed.sign(server, signed.label("m5"), sid, cbor.encode([u3, bytes(32)]))
    with pytest.raises(Refused):
        bench.clients[1].endorse(cbor.encode([wrong, cbor.decode(survivors[1])[1]]))
    # Two are left, one short of the quorum.
    for i in (2, 3):
        bench.server.endorse(i, bench.clients[i].endorse(survivors[i]))
    few = cbor.encode([s.indices_bytes([2, 3, 2]), b"".join(bench.server.m6[i] for i in (2, 3, 2))])
    with pytest.raises(Refused):
        bench.clients[2].unmask(few)
    with pytest.raises(Abandoned):
        bench.server.quorum()


def test_a_client_checks_the_result() -> None:
    bench = Bench(5, floor=4)
    m7 = bench.endorse(bench.mask(bench.share()))
    for i in range(5):
        bench.server.unmask(i, bench.clients[i].unmask(m7))
    _, m9, transcript, _ = bench.server.result(MINUTE, b"")
    with pytest.raises(Refused):
        bench.clients[0].result(m9, transcript[:-1] + bytes([transcript[-1] ^ 1]))
    with pytest.raises(Refused):
        bench.clients[1].result(m9[:-1] + bytes([m9[-1] ^ 1]))
    bench.clients[2].result(m9)
    with pytest.raises(Refused):
        bench.clients[2].unmask(m7)


def test_the_server_checks_joins() -> None:
    bench = Bench(5, floor=4)
    m0 = bench.clients[0].advertise(dice("advertise 0", 128))
    bench.server.join(m0)
    bench.server.join(m0)
    with pytest.raises(Refused):
        bench.server.join(bench.client(0).advertise(dice("again", 128)))
    credential, data = cbor.decode(m0)
    fields = cbor.decode(cbor.decode(data)[2])
    fields[1] = bytes(32)
    weak = signed.sign(
        bench.cohort.devices[1], signed.label("m0"), bench.session.ctx, cbor.encode(fields)
    )
    for bad in (
        cbor.encode([bench.cohort.credentials[1], data]),
        cbor.encode([bench.cohort.credentials[1], weak]),
        cbor.encode([credential, data[:-1] + bytes([data[-1] ^ 1])]),
        m0 + b"\0",
    ):
        with pytest.raises(Refused):
            bench.server.join(bad)
    with pytest.raises(Abandoned):
        bench.server.roster()


def test_groups() -> None:
    groups = {five.group_of(dice("beacon", 32), bytes([i]) * 32, 4) for i in range(60)}
    assert groups == {0, 1, 2, 3}


# One upload


@pytest.mark.parametrize("helpers,silent", [(1, []), (4, []), (4, [0]), (4, [2])])
def test_uploads_sum(helpers: int, silent: list[int]) -> None:
    bench = Uploads(4, helpers)
    for i in range(4):
        bench.leader.receive(bench.report(i), MINUTE)
    request = bench.agree(bench.judge(silent), silent)
    for helper in bench.helpers:
        if helper.j not in silent:
            bench.leader.answer(helper.j, helper.answer(request, MINUTE))
            assert helper.answer(request, MINUTE) == helper.answers[next(iter(helper.lists))]
    assert bench.leader.total() == bench.cohort.sum(range(4), 3)


def test_silent_after_signing_and_answering_without_having_signed() -> None:
    bench = Uploads(3, 4)
    for i in range(3):
        bench.leader.receive(bench.report(i), MINUTE)
    request = bench.agree(bench.judge(), silent=[3])
    for j in (3, 1, 2):
        bench.leader.answer(j, bench.helpers[j].answer(request, MINUTE))
    assert bench.leader.total() == bench.cohort.sum(range(3), 3)


def test_central_noise_on_both_sides() -> None:
    bench = Uploads(3, 1)
    for i in range(3):
        bench.leader.receive(bench.report(i), MINUTE)
    request = bench.agree(bench.judge())
    bench.leader.answer(0, bench.helpers[0].answer(request, MINUTE, noise=[5, -7, 0]))
    plain = bench.cohort.sum(range(3), 3)
    assert bench.leader.total([1, 1, 1]) == [(p + v) % 2**64 for p, v in zip(plain, (6, -6, 1))]


def test_two_that_differ_and_a_majority() -> None:
    bench = Uploads(3, 4)
    for i in range(3):
        bench.leader.receive(bench.report(i), MINUTE)
    request = bench.agree(bench.judge())
    liar = bench.helpers[1]
    record, _ = next(iter(liar.valid.values()))
    liar.valid[record.report] = record, {g: bytes(32) for g in (0, 2, 3)}
    for j in (1, 2, 3):
        bench.leader.answer(j, bench.helpers[j].answer(request, MINUTE))
    with pytest.raises(Refused):
        bench.leader.total()  # seeds 2 and 3 are known to the liar and one other
    bench.leader.answer(0, bench.helpers[0].answer(request, MINUTE))
    assert bench.leader.total() == bench.cohort.sum(range(3), 3)


def test_what_helpers_refuse() -> None:
    bench = Uploads(5, 4)
    reports = [bench.report(i) for i in range(5)]
    for report in reports[:4]:
        bench.leader.receive(report, MINUTE)
    entries = signed.pieces(bench.judge(), 48)
    helper = bench.helpers[0]
    first, second = b"".join(entries[:2]), b"".join(entries[2:])
    bench.accept(0, first)
    bench.accept(0, first)
    unseen = cbor.decode(cbor.decode(reports[4])[1])[2]
    unseen = cbor.decode(unseen)[1] + primitives.sha256(unseen)
    for bad in (
        b"".join(entries),
        entries[3] + entries[2],
        entries[2] + entries[2],
        entries[2],
        entries[2] + entries[3][:-1],
        entries[2] + entries[3][:16] + bytes(32),
        b"".join(sorted([entries[2], unseen])),
    ):
        with pytest.raises(Refused):
            bench.accept(0, bad)
    with pytest.raises(Refused, match="has expired"):
        helper.accept(bench.leader.sign("draft", second), MINUTE + 60)
    bench.accept(0, second)
    assert helper.accept(bench.leader.sign("draft", second), MINUTE + 60)
    with pytest.raises(Refused, match="is over"):
        helper.accept(bench.leader.sign("draft", second), CLOSING)
    with pytest.raises(Refused):
        helper.answer(bench.leader.sign("request", first, b"", b""), MINUTE)
    signature = signed.signature_of(bench.accept(1, first))
    with pytest.raises(Refused):
        helper.answer(bench.leader.sign("request", first, bytes([1, 1, 1]), signature * 3), MINUTE)
    three = [signature, *(signed.signature_of(bench.accept(j, first)) for j in (2, 3))]
    good = bench.leader.sign("request", first, bytes([1, 2, 3]), b"".join(three))
    twice = bench.leader.sign("request", first, bytes([1, 1, 2, 3]), b"".join([signature, *three]))
    assert helper.answer(good, MINUTE)
    with pytest.raises(Refused, match="an index twice"):
        helper.answer(twice, MINUTE)
    with pytest.raises(Refused, match="is over"):
        helper.answer(good, CLOSING)


def test_a_list_beyond_the_largest_is_refused() -> None:
    bench = Uploads(4, 4, largest=3)
    reports = [bench.report(i) for i in range(4)]
    for report in reports[:3]:
        bench.leader.receive(report, MINUTE)
    with pytest.raises(Refused):
        bench.leader.receive(reports[3], MINUTE)
    small = bench.judge()
    proposal = [cbor.decode(report) for report in reports]
    bench.helpers[0].verdict(
        bench.leader.sign("proposal", [r[0] for r in proposal], [r[1] for r in proposal]), MINUTE
    )
    entries = sorted(found.entry for found, _ in bench.helpers[0].valid.values())
    assert len(entries) == 4
    with pytest.raises(Refused, match="than the largest list"):
        bench.accept(0, b"".join(entries))
    assert bench.accept(0, small)


@pytest.mark.parametrize("spoilt", [0, 3])
def test_the_list_is_what_all_that_judged_have_in_common(spoilt: int) -> None:
    """So any of them may be silent after its verdict; a contrary one is left out at the floor."""
    bench = Uploads(4, 4, floor=3)
    for i in range(4):
        bench.leader.receive(bench.report(i), MINUTE)
    bench.judge()
    every = set(bench.leader.reports)
    bench.leader.verdicts[spoilt] = every - {min(every)}
    assert bench.leader.fix()[:16] != min(every)
    assert len(bench.leader.listed) == 48 * 3
    bench.leader.verdicts[spoilt] = set()
    assert [entry[:16] for entry in signed.pieces(bench.leader.fix(), 48)] == sorted(every)


def test_a_seal_of_another_length_is_for_its_own_helper_and_the_leader_to_refuse() -> None:
    bench = Uploads(3, 4)
    credential, body, y = cbor.decode(bench.report(1))
    fields = cbor.decode(cbor.decode(body)[2])
    fields[5][2] += b"!"
    label = b"holter/upload/1/report"
    body = signed.sign(bench.cohort.devices[1], label, bench.window.ctx, cbor.encode(fields))
    with pytest.raises(Refused, match="a seal of another length"):
        bench.leader.receive(cbor.encode([credential, body, y]), MINUTE)
    proposal = bench.leader.sign("proposal", [credential], [body])
    for helper in bench.helpers:
        helper.verdict(proposal, MINUTE)
    assert [len(helper.valid) for helper in bench.helpers] == [1, 1, 0, 1]


def test_an_offer_is_refused_at_its_closing_minute() -> None:
    bench = Uploads(2, 1)
    bench.helpers[0].closing = MINUTE
    bench.offers = [bench.helpers[0].offer()]
    with pytest.raises(Refused, match="an offer that is closed"):
        bench.report(0)


def test_verdicts() -> None:
    bench = Uploads(4, 4)
    good = [cbor.decode(bench.report(i)) for i in range(4)]
    fields = cbor.decode(cbor.decode(good[1][1])[2])
    fields[5][2] = fields[5][2][:-1] + bytes([fields[5][2][-1] ^ 1])
    label, ctx = b"holter/upload/1/report", bench.window.ctx
    damaged = signed.sign(bench.cohort.devices[1], label, ctx, cbor.encode(fields))
    fields[5].pop()
    short = signed.sign(bench.cohort.devices[1], label, ctx, cbor.encode(fields))
    again = cbor.decode(bench.report(0, "again"))
    proposal = bench.leader.sign(
        "proposal",
        [good[0][0], good[1][0], good[1][0], again[0], good[3][0], good[2][0]],
        [good[0][1], damaged, short, again[1], good[2][1], good[2][1]],
    )
    found = []
    for helper in bench.helpers:
        verdict = helper.verdict(proposal, MINUTE)
        public = bench.window.helpers[helper.j]
        body = signed.verify(public, b"holter/upload/1/verdict", ctx, verdict)
        assert cbor.decode(body)[0] == primitives.sha256(proposal)
        found.append(signed.members(cbor.decode(body)[1], 6))
    assert found == [[0, 1, 5], [0, 1, 5], [0, 5], [0, 1, 5]]
    late = bench.helpers[0].verdict(proposal, MINUTE + 60)
    assert cbor.decode(cbor.decode(late)[2])[1] == bytes(1)
    with pytest.raises(Refused, match="is over"):
        bench.helpers[0].verdict(proposal, CLOSING)
    for bad in ([good[0][0], 7], [good[0][0], bytes(257)], [good[0][0]]):
        malformed = bench.leader.sign("proposal", bad, [good[0][1], good[2][1]])
        with pytest.raises(Refused):
            bench.helpers[0].verdict(malformed, MINUTE)
