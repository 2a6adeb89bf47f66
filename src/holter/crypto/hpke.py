"""Sealing to a public key: HPKE (RFC 9180), base mode, one message per seal.

Whoever knows a public key seals to it; only its private key opens, and does not learn who
sealed. ``info`` names the use and its circumstances and must be the same on both sides; with one
message per seal it does what aad would do (RFC 9180 section 8.1), so there is no aad. Suites:

- 1, X25519: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, all of RFC 9180.
- 2, HYBRID: MLKEM768-X25519 (X-Wing), HKDF-SHA256, AES-256-GCM. EXPERIMENTAL: it follows
  draft-connolly-cfrg-xwing-kem and draft-ietf-hpke-pq (KEM 0x647A) and no RFC; the bytes may
  change with them. Tested with ``cryptography`` 50.0.2 (OpenSSL 4.0.3) on the vector of
  draft-ietf-hpke-pq-04 appendix A.5. A library without ML-KEM raises UnsupportedAlgorithm.

A sealed message is the encapsulated key and then the ciphertext. The library gives no bytes for
a hybrid key, so the encoding is ours: public, ML-KEM-768 (1184) | X25519 (32), as in the drafts;
private, ML-KEM-768 seed d | z (64) | X25519 (32), which is what the drafts expand their 32-byte
seed to.

The one exception to "randomness is an argument": ``seal`` draws its ephemeral keys inside the
library (OpenSSL's generator, seeded by the operating system), which offers no other way.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
)
from cryptography.hazmat.primitives.hpke import Suite as LibrarySuite

from holter.crypto.aead import TAG_BYTES, Unopened
from holter.crypto.agreement import KEY_BYTES, BadKey, check_public

MLKEM_PUBLIC_BYTES = 1184  # ML-KEM-768 encapsulation key, FIPS 203 table 3
MLKEM_SEED_BYTES = 64  # d | z of ML-KEM-768, FIPS 203 section 7.1
MLKEM_CIPHERTEXT_BYTES = 1088  # ML-KEM-768 ciphertext, FIPS 203 table 3


class Suite(IntEnum):
    """The algorithms of a seal, by our own number; HYBRID is experimental."""

    X25519 = 1
    HYBRID = 2


PUBLIC_BYTES: Mapping[Suite, int] = {  # Npk of RFC 9180 section 7.1
    Suite.X25519: KEY_BYTES,
    Suite.HYBRID: MLKEM_PUBLIC_BYTES + KEY_BYTES,
}
PRIVATE_BYTES: Mapping[Suite, int] = {
    Suite.X25519: KEY_BYTES,
    Suite.HYBRID: MLKEM_SEED_BYTES + KEY_BYTES,
}
OVERHEAD_BYTES: Mapping[Suite, int] = {  # Nenc of RFC 9180 section 7.1, and the tag
    Suite.X25519: KEY_BYTES + TAG_BYTES,
    Suite.HYBRID: MLKEM_CIPHERTEXT_BYTES + KEY_BYTES + TAG_BYTES,
}
_LIBRARY = {
    Suite.X25519: LibrarySuite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
    Suite.HYBRID: LibrarySuite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
}


class OpeningKey:
    """A private key of a suite, from seed bytes in our encoding. ``repr`` shows nothing."""

    def __init__(self, suite: Suite, private: bytes) -> None:
        if len(private) != PRIVATE_BYTES[suite]:
            raise ValueError(f"a private key of this suite has {PRIVATE_BYTES[suite]} bytes")
        self.suite = suite
        self._key: X25519PrivateKey | MLKEM768X25519PrivateKey
        classical = X25519PrivateKey.from_private_bytes(private[-KEY_BYTES:])
        self.public = classical.public_key().public_bytes_raw()
        if suite == Suite.X25519:
            self._key = classical
        else:
            lattice = MLKEM768PrivateKey.from_seed_bytes(private[:MLKEM_SEED_BYTES])
            self._key = MLKEM768X25519PrivateKey(lattice, classical)
            self.public = lattice.public_key().public_bytes_raw() + self.public

    def open(self, sealed: bytes, *, info: bytes) -> bytes:
        """What was sealed to ``public`` with this ``info``. Raises Unopened, saying no more."""
        try:
            return _LIBRARY[self.suite].decrypt(sealed, self._key, info)
        except InvalidTag:
            raise Unopened("a sealed message does not open: changed, or not for us") from None

    def __repr__(self) -> str:
        return "OpeningKey(...)"


def seal(suite: Suite, public: bytes, plaintext: bytes, *, info: bytes) -> bytes:
    """Seal to ``public``: ``OVERHEAD_BYTES[suite]`` longer than the plaintext, new every time.

    Draws the ephemeral key (and with HYBRID the ML-KEM message) from the library's generator.
    Raises BadKey for a public key that is none: its length, low order, ML-KEM's modulus check.
    """
    return _LIBRARY[suite].encrypt(plaintext, _sealing_key(suite, public), info)


def _sealing_key(suite: Suite, public: bytes) -> X25519PublicKey | MLKEM768X25519PublicKey:
    if len(public) != PUBLIC_BYTES[suite]:
        raise BadKey(f"a public key of this suite has {PUBLIC_BYTES[suite]} bytes")
    check_public(public[-KEY_BYTES:])
    classical = X25519PublicKey.from_public_bytes(public[-KEY_BYTES:])
    if suite == Suite.X25519:
        return classical
    try:
        lattice = MLKEM768PublicKey.from_public_bytes(public[:MLKEM_PUBLIC_BYTES])
    except ValueError:  # a coefficient that is not reduced, FIPS 203 section 7.2
        raise BadKey("a public key that is not one of ML-KEM-768") from None
    return MLKEM768X25519PublicKey(lattice, classical)
