"""Tools, cryptography: thin typed wrappers over the ``cryptography`` package.

``labels`` lists every domain-separation label in one place. ``agreement`` (X25519 and
HKDF), ``aead`` (AES-256-GCM), ``prg`` (AES-256-CTR), ``signature`` (COSE_Sign1 with
Ed25519), ``hardware_signature`` (P-256) and ``hpke`` wrap a primitive each; ``shamir`` and
``merkle`` are our own arithmetic on top. Randomness is an argument: keys and coefficients
come from outside. One exception: ``hpke.seal`` draws its ephemeral key itself, from the
operating system, because the library offers no other way.
"""
