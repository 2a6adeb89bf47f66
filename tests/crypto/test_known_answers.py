"""The published vectors of every primitive, through our own wrappers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.ciphers import modes

from holter.crypto import aead, agreement, merkle, prg
from holter.crypto.agreement import AgreementKey
from holter.crypto.signature import SigningKey

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


def test_hkdf_of_rfc_5869_test_case_1() -> None:
    salt, info = bytes(range(13)), bytes(range(0xF0, 0xFA))
    whole = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    assert agreement.derive(b"\x0b" * 22, salt=salt, info=info).hex() == whole[:64]
    key = h("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
    assert agreement.expand(key, info=info, length=42).hex() == whole


def test_hkdf_of_rfc_5869_test_case_3_without_salt_and_info() -> None:
    result = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    assert agreement.derive(b"\x0b" * 22, salt=b"", info=b"").hex() == result


@pytest.mark.parametrize(
    ("seed", "public", "message", "signature"),
    [
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
    ],
)
def test_ed25519_of_rfc_8032_section_7_1(
    seed: str, public: str, message: str, signature: str
) -> None:
    key = SigningKey(h(seed))
    assert key.public.hex() == public
    assert key._key.sign(h(message)).hex() == signature


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
    started = SimpleNamespace(CTR=lambda zero: modes.CTR(counter) if zero == bytes(16) else None)
    monkeypatch.setattr(prg, "modes", started)
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
