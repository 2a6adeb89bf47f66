"""Tools, cryptography: thin typed wrappers over the ``cryptography`` package.

``labels`` lists every domain-separation label in one place. ``agreement`` (X25519 and
HKDF), ``aead`` (AES-256-GCM), ``prg`` (AES-256-CTR), ``signature`` (COSE_Sign1 with
Ed25519) wrap a primitive each; ``shamir`` and ``merkle`` are our own arithmetic on top.
Nothing here draws randomness: keys and coefficients are arguments.
"""
