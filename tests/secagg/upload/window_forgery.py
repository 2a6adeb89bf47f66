"""What lying devices and helpers of a window say, and how one rule of a machine is taken out."""

from __future__ import annotations
import __future__

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import pytest

from holter.algebra.ring import to_bytes
from holter.crypto import hpke, labels
from holter.crypto.prg import add_stream
from holter.crypto.signature import SigningKey, payload_of
from holter.secagg.upload import client, helper, leader, messages, window
from holter.secagg.upload.messages import Answer, Claim, Offer, Report, answer_payload
from holter.trust import credential as credentials
from tests.secagg.cast import tape
from tests.secagg.upload.window_cast import EXPIRES, WindowCast, WindowPlay, id_of

MODULES: tuple[ModuleType, ...] = (window, messages, client, helper, leader)


def seeds_of(cast: WindowCast, i: int) -> list[bytes]:
    """The seeds that device i draws in every play."""
    random = tape(("report", i), client.random_bytes_needed(cast.window))
    return [random[at : at + 32] for at in range(16, len(random), 32)]


def forged(
    play: WindowPlay,
    i: int,
    *,
    report_id: bytes | None = None,
    seeds: Sequence[bytes] | None = None,
    sealed: Mapping[int, bytes] | None = None,
    infos: Mapping[int, bytes] | None = None,
    commitments: Sequence[bytes] | None = None,
    expires: int = EXPIRES,
    credential: bytes | None = None,
    bound: bytes | None = None,
    label: bytes = labels.UPLOAD_REPORT,
    change: Callable[[Claim], bytes] = Claim.payload,
) -> bytes:
    """A report of device i that departs from the honest one in any way.

    sealed: helper -> what is sealed for it; infos: helper -> what its seal is bound to.
    """
    cast, window = play.cast, play.cast.window
    key = cast.keys[i]
    report_id = id_of(i) if report_id is None else report_id
    seeds = seeds_of(cast, i) if seeds is None else seeds
    masked = cast.vector(i)
    for seed in seeds:
        add_stream(masked, client.mask_key(seed))
    seals = []
    for j, offer in enumerate(play.offers):
        public = Offer.parse(payload_of(offer)).public
        info = (infos or {}).get(j, window.seal_info(j, report_id, key.public))
        plain = (sealed or {}).get(j, b"".join(seeds[g] for g in window.held_by(j)))
        seals.append(hpke.seal(window.suite, public, plain, info=info))
    if commitments is None:
        commitments = [
            window.commitment(key.public, report_id, g, seed) for g, seed in enumerate(seeds)
        ]
    words = to_bytes(masked)
    digest = hashlib.sha256(words).digest()
    claim = Claim(key.public, report_id, expires, digest, tuple(commitments), tuple(seals))
    context = label + (window.context if bound is None else bound)
    signed = key.sign(change(claim), context=context)
    return Report(
        cast.credentials[i] if credential is None else credential, signed, words
    ).to_bytes()


def spoilt_for(play: WindowPlay, i: int, *helpers: int) -> bytes:
    """A report whose seals open for everyone but these helpers."""
    return forged(play, i, infos={j: b"something else" for j in helpers})


def lie(play: WindowPlay, j: int, message: bytes, seeds: Sequence[int] | None = None) -> bytes:
    """Helper j's answer with other vectors, for these seeds or all, and its signature over them."""
    window = play.cast.window
    held = window.held_by(j)
    given = Answer.parse(message, len(held), 8 * window.limits.words)
    vectors = tuple(
        tape(("lie", j), len(vector)) if seeds is None or g in seeds else vector
        for g, vector in zip(held, given.vectors, strict=True)
    )
    list_hash = payload_of(given.signed)[3:35]
    payload = answer_payload(list_hash, [hashlib.sha256(vector).digest() for vector in vectors])
    signed = play.cast.says(labels.UPLOAD_ANSWER, payload, play.cast.helper_keys[j])
    return Answer(signed, vectors).to_bytes()


def guarded(function: ast.AST) -> list[ast.If]:
    """Every ``if`` of a function whose first statement refuses: raises, or passes over."""
    return [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.If) and isinstance(node.body[0], ast.Raise | ast.Continue)
    ]


def says(node: ast.If) -> str:
    """What a rule is known by: its refusal, or its condition where it only passes over."""
    return ast.unparse(node.body[0] if isinstance(node.body[0], ast.Raise) else node.test)


def rule_off(patch: pytest.MonkeyPatch, module: ModuleType, name: str, *rules: str) -> None:
    """Take each rule that says one of ``rules`` out of ``module.name``, wherever it is used.

    Like ``cast.rule_off``, but for methods too, for rules that pass over, and for every one of
    the five modules that has taken the function in.
    """
    owner: Any = module
    *path, last = name.split(".")
    for part in path:
        owner = getattr(owner, part)
    before = inspect.getattr_static(owner, last)
    source = inspect.getsource(before.__func__ if isinstance(before, classmethod) else before)
    tree = ast.parse(textwrap.dedent(source))
    off = []
    for node in guarded(tree):
        if any(words in says(node) for words in rules):
            node.test = ast.Constant(False)
            off.append(node)
    assert len(off) == len(rules), f"{len(off)} rules of {name} found, {len(rules)} meant"
    made: dict[str, Any] = {}
    flags = __future__.annotations.compiler_flag
    code = compile(ast.fix_missing_locations(tree), f"<{name}>", "exec", flags)
    exec(code, vars(module), made)
    patch.setattr(owner, last, made[last])
    for other in MODULES if owner is module else ():
        if vars(other).get(last) is before:
            patch.setattr(other, last, made[last])


def unverified(patch: pytest.MonkeyPatch, module: ModuleType) -> None:
    """No signature is checked in a module any more."""
    patch.setattr(module, "verify", lambda message, *, public, context: payload_of(message))


def credential_of(play: WindowPlay, i: int, expires_day: int, registrar: SigningKey) -> bytes:
    """A credential for device i."""
    public = play.cast.keys[i].public
    return credentials.issue(registrar, credentials.Credential(public, 1, expires_day))
