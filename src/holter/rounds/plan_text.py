"""A plan as text and as signed bytes, and back: what a run folder keeps, what a device is given.

The text is JSON, to be read; the signed form is the CBOR that the plan's hash is taken over, in a
COSE_Sign1 of its publisher. Reading builds the same frozen values, checks every type, and refuses
what is missing or unknown, so a plan that reads is a plan that hashes.
"""

from __future__ import annotations

import dataclasses
import json
import math
import types
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from holter.crypto import labels
from holter.crypto.signature import SigningKey, verify
from holter.rounds.plan import Plan
from holter.wire.cbor import Malformed, decode

FORMAT = "holter.plan/1"
LIMIT_BYTES = 1 << 20  # a plan of 10,000 named arrays; ours have a dozen
_T = TypeVar("_T")


class NotAPlan(ValueError):
    """Text or bytes that no plan wrote; the message names the part."""


def to_json(plan: Plan) -> dict[str, Any]:
    """Every field, as JSON holds it; floats keep all their bits."""
    found: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(plan)))
    return found


def from_json(fields: Any) -> Plan:
    """The plan of ``to_json``. Raises NotAPlan."""
    return _plan(fields)


def signed(plan: Plan, key: SigningKey) -> bytes:
    """The plan under its publisher's signature, as a device is given it."""
    return key.sign(plan.encoded, context=labels.SIGNED_PLAN)


def opened(message: bytes, *, publisher: bytes) -> Plan:
    """The plan of ``signed``, if ``publisher`` (32 bytes, public) signed it.

    Raises BadSignature or NotAPlan. Whether a device takes part is for ``acceptance``.
    """
    if len(message) > LIMIT_BYTES:
        raise NotAPlan(f"{len(message)} bytes are more than any plan has")
    try:
        fields = decode(verify(message, public=publisher, context=labels.SIGNED_PLAN))
    except Malformed as error:
        raise NotAPlan(f"not a signed plan: {error}") from None
    return _plan(fields)


def _plan(fields: Any) -> Plan:
    found = _built(Plan, fields, "plan")
    try:
        _ = found.hash
    except TypeError as error:  # JSON holds integers and text that have no encoding
        raise NotAPlan(f"the plan has no hash: {error}") from None
    return found


def _built(kind: type[_T], value: Any, where: str) -> _T:
    """A frozen value from a mapping with exactly its fields."""
    if not isinstance(value, Mapping):
        raise NotAPlan(f"{where} is not a table")
    hints = get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    if set(value) != set(names):
        odd = sorted(map(str, set(value) ^ set(names)))
        raise NotAPlan(f"{where} must hold exactly its keys; {odd[0]} is missing or unknown")
    try:
        return kind(**{n: _typed(hints[n], value[n], f"{where}.{n}") for n in names})
    except NotAPlan:
        raise
    except ValueError as error:
        raise NotAPlan(f"{where}: {error}") from None


def _typed(hint: Any, value: Any, where: str) -> Any:
    if get_origin(hint) is types.UnionType:
        options = [option for option in get_args(hint) if option is not type(None)]
        return None if value is None else _typed(options[0], value, where)
    if dataclasses.is_dataclass(hint):
        return _built(hint, value, where)  # type: ignore[arg-type]
    if get_origin(hint) is tuple and isinstance(value, list):
        kinds = get_args(hint)
        if kinds[-1] is Ellipsis:
            kinds = (kinds[0],) * len(value)
        if len(kinds) == len(value):
            return tuple(_typed(k, v, where) for k, v in zip(kinds, value, strict=True))
    if hint is float and isinstance(value, str | float):
        return _float(value, where)
    if hint in (int, str, bool) and type(value) is hint:
        return value
    raise NotAPlan(f"{where} is not {getattr(hint, '__name__', 'what it should be')}")


def _float(value: str | float, where: str) -> float:
    """JSON has the number, CBOR its exact hexadecimal text in the one form that float.hex writes."""
    try:
        found = float.fromhex(value) if isinstance(value, str) else value
    except (ValueError, OverflowError):
        raise NotAPlan(f"{where} is not a number") from None
    if not math.isfinite(found) or (isinstance(value, str) and found.hex() != value):
        raise NotAPlan(f"{where} is not a finite number in its one form")
    return found
