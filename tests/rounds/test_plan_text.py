"""A plan as JSON and as signed bytes: the same plan again, or a refusal that says it is none."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.algebra.layout import Layout
from holter.crypto import labels
from holter.crypto.signature import BadSignature, SigningKey
from holter.rounds.plan import Plan
from holter.rounds.plan_text import LIMIT_BYTES, NotAPlan, from_json, opened, signed, to_json
from holter.rounds.planning import make_plan
from holter.rounds.study import Study
from holter.wire.cbor import decode, encode

PlanOf = Callable[..., Plan]
KEY, OTHER = SigningKey(bytes(32)), SigningKey(bytes([1]) * 32)
EVERY_KIND = [
    (),
    ("privacy.mode=none", "compression.bits=8"),
    ("privacy.mode=central", "privacy.metrics_share=0.1"),
    ("privacy.mode=local", "privacy.stop_at_epsilon=90"),
    ('aggregation.protocol="one-upload"', 'aggregation.seal="ml-kem-768-x25519"'),
    ("privacy.bound=clip", "privacy.clipping=adaptive", "privacy.clip=0.1"),
    ("privacy.meant_for={population=9000, clients_per_round=90}",),
]


def _sample() -> Plan:
    """A plan with every optional part in it."""
    study = Study.parse(
        '[study]\nname = "s"\ntask = "activity"\n',
        [
            "training.clients_per_round=8", "training.rounds=10", "privacy.noise_multiplier=1",
            "privacy.bound=clip", "privacy.clipping=adaptive", "privacy.stop_at_epsilon=9",
        ],
    )  # fmt: skip
    return make_plan(study, people=40, layout=Layout((("w", (5, 4)), ("b", (4,)))))


SAMPLE = _sample()


@pytest.mark.parametrize("overrides", EVERY_KIND)
def test_a_plan_comes_back_from_text_and_from_signed_bytes_with_the_same_hash(
    plan_of: PlanOf, overrides: tuple[str, ...]
) -> None:
    plan = plan_of(*overrides)
    for again in (
        from_json(json.loads(json.dumps(to_json(plan)))),
        opened(signed(plan, KEY), publisher=KEY.public),
    ):
        assert again == plan and again.hash == plan.hash and again.encoded == plan.encoded


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, dict | list):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(item, (*path, name))
    else:
        yield path, value


def _changed(fields: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A copy in which the place at ``path`` holds ``value``."""
    found = copy.deepcopy(fields)
    place: Any = found
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return found


LEAVES = list(_leaves(to_json(SAMPLE)))
OTHER_VALUE: dict[type, Callable[[Any], Any]] = {
    bool: lambda value: not value,
    int: lambda value: value + 1,
    float: lambda value: value * (1 + 2**-50) if value else 2**-1000,
    str: lambda value: value + "x",
}


@pytest.mark.parametrize(("path", "value"), LEAVES)
def test_any_change_of_any_field_changes_the_hash(path: tuple[Any, ...], value: Any) -> None:
    new = OTHER_VALUE[type(value)](value)
    other = from_json(_changed(to_json(SAMPLE), path, new))
    assert other != SAMPLE and other.hash != SAMPLE.hash


@pytest.mark.parametrize(("path", "value"), LEAVES)
def test_a_field_of_another_type_is_refused(path: tuple[Any, ...], value: Any) -> None:
    wrong: dict[type, tuple[Any, ...]] = {
        bool: (0, 1, "true", None),
        int: (True, 1.0, "1", None, [1]),
        float: (True, 1, "1.0", "0x1p0", "nan", "inf", float("nan"), float("inf"), [], None),
        str: (1, True, None, ["x"], {}),
    }
    optional = path[-1] in ("clip_quantile", "budget_units", "norm_limit")
    for new in wrong[type(value)]:
        if new is None and optional:
            continue
        with pytest.raises(NotAPlan, match=str(path[0])):
            from_json(_changed(to_json(SAMPLE), path, new))


def test_a_missing_or_unknown_key_is_named_at_every_depth() -> None:
    fields = to_json(SAMPLE)
    for table in ((), ("grid",), ("counts",), ("joint",), ("layout",)):
        for spoil in (lambda t: t.pop(next(iter(t))), lambda t: t.update(extra=1)):
            broken = copy.deepcopy(fields)
            place: Any = broken
            for step in table:
                place = place[step]
            spoil(place)
            with pytest.raises(NotAPlan, match="missing or unknown"):
                from_json(broken)


@pytest.mark.parametrize("nothing", [None, [], "plan", 3, {}, {"plan": {}}])
def test_what_is_no_table_is_no_plan(nothing: Any) -> None:
    with pytest.raises(NotAPlan):
        from_json(nothing)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("rounds",), 2**64),  # beyond what the encoding holds: it would read and never hash
        (("budget_units",), -(2**64) - 1),
        (("layout", "entries", 0, 1, 0), 2**80),
        (("task",), "\ud800"),
        (("layout", "entries", 1, 0), "w"),  # two arrays of one name
        (("layout", "entries", 0, 1, 0), 0),  # an empty array
        (("layout", "entries", 0), ["w"]),
        (("joint", "indicator"), 1.0),
        (("joint", "evaluation"), -0.1),
    ],
)
def test_values_that_read_and_could_not_be_hashed_or_used_are_refused(
    path: tuple[Any, ...], value: Any
) -> None:
    with pytest.raises(NotAPlan):
        from_json(_changed(to_json(SAMPLE), path, value))


def test_only_the_publisher_and_only_as_a_plan() -> None:
    message = signed(SAMPLE, KEY)
    with pytest.raises(BadSignature):
        opened(message, publisher=OTHER.public)
    with pytest.raises(BadSignature):
        opened(KEY.sign(SAMPLE.encoded, context=labels.PLAN), publisher=KEY.public)
    with pytest.raises(BadSignature):
        opened(KEY.sign(SAMPLE.encoded, context=b""), publisher=KEY.public)
    with pytest.raises(NotAPlan, match="more than any plan"):
        opened(bytes(LIMIT_BYTES + 1), publisher=KEY.public)


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xff", encode({}), encode([1]), encode(None), SAMPLE.encoded + b"\x00",
     SAMPLE.encoded[:-1], b"\xa1" + SAMPLE.encoded[1:]],
)  # fmt: skip
def test_a_signature_makes_no_plan_of_other_bytes(payload: bytes) -> None:
    with pytest.raises(NotAPlan):
        opened(KEY.sign(payload, context=labels.SIGNED_PLAN), publisher=KEY.public)


def test_a_float_has_one_form_in_signed_bytes() -> None:
    fields: Any = decode(SAMPLE.encoded)
    assert fields["clip"] == "0x1.0000000000000p+0"
    for other in ("0x1p0", "1.0", "0x2.0p-1", " 0x1.0000000000000p+0", "0X1.0000000000000P+0", ""):
        payload = encode({**fields, "clip": other})
        with pytest.raises(NotAPlan, match="clip"):
            opened(KEY.sign(payload, context=labels.SIGNED_PLAN), publisher=KEY.public)


MESSAGE = signed(SAMPLE, KEY)
edits = st.lists(
    st.tuples(st.integers(0, len(MESSAGE) - 1), st.integers(0, 2), st.binary(max_size=4)),
    min_size=1,
    max_size=3,
)


def _edited(message: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for at, cut, put in changes:
        message = message[:at] + put + message[at + cut :]
    return message


@given(edits)
@settings(max_examples=300, deadline=None)
def test_damaged_messages_are_refused_in_one_of_two_ways(
    changes: list[tuple[int, int, bytes]],
) -> None:
    damaged = _edited(MESSAGE, changes)
    if damaged == MESSAGE:
        return
    with pytest.raises((NotAPlan, BadSignature)):
        opened(damaged, publisher=KEY.public)


@given(edits)
@settings(max_examples=400, deadline=None)
def test_whatever_a_publisher_signs_is_a_plan_that_hashes_or_none(
    changes: list[tuple[int, int, bytes]],
) -> None:
    payload = _edited(SAMPLE.encoded, changes)
    try:
        plan = opened(KEY.sign(payload, context=labels.SIGNED_PLAN), publisher=KEY.public)
    except NotAPlan:
        return
    assert plan.encoded == payload  # one plan, one encoding


@given(st.binary(max_size=60))
@settings(deadline=None)
def test_bytes_from_nowhere_are_no_plan(message: bytes) -> None:
    with pytest.raises((NotAPlan, BadSignature)):
        opened(message, publisher=KEY.public)
