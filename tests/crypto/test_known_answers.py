"""The published vectors of every primitive, through our own wrappers.

Each test names its text. HPKE's vectors are in ``test_hpke``; the long messages of RFC 8032 lie
in ``vectors_ed25519.json``.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import modes

from holter.crypto import aead, agreement, hardware_signature, merkle, prg, signature
from holter.crypto.agreement import AgreementKey
from holter.crypto.hardware_signature import SoftwareKey
from holter.crypto.signature import BadSignature, SigningKey

h = bytes.fromhex


@pytest.mark.parametrize(
    ("scalar", "point", "result"),
    [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
    ],
)
def test_x25519_of_rfc_7748_section_5_2(scalar: str, point: str, result: str) -> None:
    assert AgreementKey(h(scalar)).agree(h(point)).hex() == result


def test_x25519_of_rfc_7748_iterated_a_thousand_times() -> None:
    k = u = b"\x09" + bytes(31)
    seen = {}
    for count in range(1, 1001):
        k, u = AgreementKey(k).agree(u), k
        seen[count] = k.hex()
    assert seen[1] == "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"
    assert seen[1000] == "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"


def test_x25519_of_rfc_7748_section_6_1() -> None:
    alice = AgreementKey(h("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"))
    bob = AgreementKey(h("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"))
    assert alice.public.hex() == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    assert bob.public.hex() == "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    assert alice.agree(bob.public).hex() == bob.agree(alice.public).hex() == shared


@pytest.mark.parametrize(
    ("secret", "salt", "info", "uniform", "whole"),
    [
        (
            b"\x0b" * 22,
            bytes(range(13)),
            bytes(range(0xF0, 0xFA)),
            "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            bytes(range(0x50)),
            bytes(range(0x60, 0xB0)),
            bytes(range(0xB0, 0x100)),
            "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb"
            "41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
        ),
        (
            b"\x0b" * 22,
            b"",
            b"",
            "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ],
)
def test_hkdf_of_rfc_5869_test_cases_1_to_3(
    secret: bytes, salt: bytes, info: bytes, uniform: str, whole: str
) -> None:
    assert agreement.derive(secret, salt=salt, info=info).hex() == whole[:64]
    assert agreement.expand(h(uniform), info=info, length=len(whole) // 2).hex() == whole


ED25519 = json.loads(Path(__file__).with_name("vectors_ed25519.json").read_text())["tests"]


@pytest.mark.parametrize("test", ED25519, ids=lambda test: test["name"])
def test_ed25519_of_rfc_8032_section_7_1(
    test: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our messages are COSE; only what COSE puts around the payload is taken away."""
    monkeypatch.setattr(signature, "_to_be_signed", lambda header, payload, context: payload)
    key = SigningKey(h(test["seed"]))
    assert key.public.hex() == test["public"]
    message = key.sign(h(test["message"]), context=b"")
    assert signature.signature_of(message).hex() == test["signature"]
    assert signature.verify(message, public=key.public, context=b"") == h(test["message"])


RFC_6979_KEY = h("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721")
RFC_6979_PUBLIC = "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"  # x; y is odd


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            b"sample",
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
            "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        ),
        (
            b"test",
            "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
            "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
        ),
    ],
)
def test_p_256_of_rfc_6979_appendix_a_2_5_with_sha_256(message: bytes, expected: str) -> None:
    key = SoftwareKey(RFC_6979_KEY)
    assert key.public.hex() == "03" + RFC_6979_PUBLIC
    assert key.sign(message).hex() == expected
    hardware_signature.verify(message, h(expected), key.public)
    with pytest.raises(BadSignature):
        hardware_signature.verify(message + b"\x00", h(expected), key.public)


# Wycheproof, ecdsa_secp256r1_sha256_p1363_test.json, first group; the numbers are its tcId.
WYCHEPROOF_PUBLIC = h("022927b10512bae3eddcfe467828128bad2903269919f7086069c8c4df6c732838")
WYCHEPROOF_MESSAGE = h("313233343030")
WYCHEPROOF_R = "2ba3a8be6b94d5ec80a6d9d1190a436effe50d85a1eee859b8cc6af9bd5c2e18"
WYCHEPROOF_S = "b329f479a2bbd0a5c384ee1493b1f5186a87139cac5df4087c134b49156847db"
P_256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P_256_PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
SPECIAL = {
    "0": 0,
    "1": 1,
    "n-1": P_256_ORDER - 1,
    "n": P_256_ORDER,
    "n+1": P_256_ORDER + 1,
    "p": P_256_PRIME,
    "p+1": P_256_PRIME + 1,
}


def test_p_256_of_wycheproof_1_either_s_verifies() -> None:
    lower = "4cd60b855d442f5b3c7b11eb6c4e0ae7525fe710fab9aa7c77a67f79e6fadd76"
    for s in (WYCHEPROOF_S, lower):
        hardware_signature.verify(WYCHEPROOF_MESSAGE, h(WYCHEPROOF_R + s), WYCHEPROOF_PUBLIC)


@pytest.mark.parametrize(
    "changed",
    [
        "012ba3a8bd6b94d5ed80a6d9d1190a436ebccc0833490686deac8635bcb9bf5369" + "00" + WYCHEPROOF_S,
        "01002ba3a7be6b94d6ec80a6d9d1190a432be6dfbb2cb98d6d4d72972df620817f18"
        + ("0000" + WYCHEPROOF_S),
        "d45c5740946b2a147f59262ee6f5bc90bd01ed280528b62b3aed5fc93f06f739" + WYCHEPROOF_S,
        "01" + WYCHEPROOF_R + "00" + WYCHEPROOF_S,
        "01" + "00" * 8 + WYCHEPROOF_R + "00" * 9 + WYCHEPROOF_S,
        "01b329f478a2bbd0a6c384ee1493b1f518276e0e4a5375928d6fcd160c11cb6d2c" + "00" + WYCHEPROOF_S,
    ],
    ids=["2", "3", "4", "5", "6", "7"],
)
def test_p_256_of_wycheproof_2_to_7_no_changed_number_verifies(changed: str) -> None:
    with pytest.raises(BadSignature):
        hardware_signature.verify(WYCHEPROOF_MESSAGE, h(changed), WYCHEPROOF_PUBLIC)


@pytest.mark.parametrize("s", SPECIAL)
@pytest.mark.parametrize("r", SPECIAL)
def test_p_256_of_wycheproof_11_and_on_no_special_value_verifies(r: str, s: str) -> None:
    made = SPECIAL[r].to_bytes(32, "big") + SPECIAL[s].to_bytes(32, "big")
    with pytest.raises(BadSignature, match="does not verify"):
        hardware_signature.verify(WYCHEPROOF_MESSAGE, made, WYCHEPROOF_PUBLIC)


SP_800_38A_KEY = h("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
SP_800_38A_PLAIN = h(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
SP_800_38A_CIPHER = h(
    "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
    "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6"
)


def test_aes_256_ctr_of_sp_800_38a_f_5_5(monkeypatch: pytest.MonkeyPatch) -> None:
    counter = bytes(range(0xF0, 0x100))  # our streams start at zero; only the start is replaced
    assert prg._FROM_ZERO.nonce == bytes(16)
    monkeypatch.setattr(prg, "_FROM_ZERO", modes.CTR(counter))
    expected = bytes(a ^ b for a, b in zip(SP_800_38A_PLAIN, SP_800_38A_CIPHER))
    assert prg.stream(SP_800_38A_KEY, 64) == expected
    reader = prg.Stream(SP_800_38A_KEY)
    assert reader.read(5) + reader.read(0) + reader.read(59) == expected


def test_a_stream_starts_with_the_encryption_of_zero() -> None:
    assert prg.stream(bytes(32), 16).hex() == "dc95c078a2408989ad48a21492842087"


@pytest.mark.parametrize(
    ("plaintext", "sealed"),
    [
        ("", "530f8afbc74536b9a963b4f1c4cb738b"),
        ("00" * 16, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"),
    ],
)
def test_aes_256_gcm_of_the_gcm_specification_cases_13_and_14(plaintext: str, sealed: str) -> None:
    assert aead.seal_once(bytes(32), h(plaintext), context=b"").hex() == sealed
    assert aead.open_once(bytes(32), h(sealed), context=b"").hex() == plaintext


LEAVES = [
    b"",
    b"\x00",
    b"\x10",
    h("2021"),
    h("3031"),
    h("40414243"),
    h("5051525354555657"),
    h("606162636465666768696a6b6c6d6e6f"),
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("count", range(9))
def test_merkle_roots_of_certificate_transparency(count: int) -> None:
    assert merkle.root([merkle.leaf(data) for data in LEAVES[:count]]).hex() == ROOTS[count]


def test_a_leaf_never_passes_for_a_node() -> None:
    leaves = [merkle.leaf(data) for data in LEAVES[:4]]
    inner = [merkle.root(leaves[:2]), merkle.root(leaves[2:])]
    assert merkle.root([merkle.leaf(inner[0] + inner[1])]) != merkle.root(leaves)
    assert merkle.root(leaves[::-1]) != merkle.root(leaves)
    assert merkle.root([*leaves, leaves[-1]]) != merkle.root(leaves)
