"""The form of what a run folder holds, checked in one place before anything is computed from it.

A record is read but not believed: whoever can write it can put text where a count belongs, leave
a key out, or nest a thousand lists. ``recompute`` reads fields by name only after the checks here,
so that a broken record ends as a sentence about its part and never as a crash.

``result_digest`` is what the ledger's last line names a result by. It leaves out the hash of that
very line, and the time, which differs between two equal runs.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

LARGEST_COUNT = 2**64 - 1  # what is counted, and a seed, fits a machine word: floats can hold it
_SHA256 = "SHA-256, 64 hex digits"
_COUNT, _NUMBER = "a count", "a finite number"
_TEXT, _TRUTH = "text", "true or false"
_Form = Any  # one of the above, {name: form}, [form of all items], or (form,) where null may stand

_MOST = {"most_participations": _COUNT, "most_spent_rho_units": _COUNT}
LEDGER_LINES: Mapping[str, _Form] = {
    "contract": {
        "plan": _SHA256, "rounds": _COUNT, "max_participations": _COUNT, "min_separation": _COUNT,
        "rho_units": _COUNT, "task": _TEXT, "earlier_units": _COUNT,
    },
    "round": {
        "round": _COUNT, "asked": _COUNT, "reported": _COUNT, "outcome": _TEXT, **_MOST,
    },
    "stopped": {"round": _COUNT, "reason": _TEXT, **_MOST},
    "published": {
        "round": _COUNT, "model_sha256": _SHA256, "study_sha256": _SHA256, "plans_sha256": _SHA256,
        "journal_sha256": _SHA256, "result_sha256": _SHA256, **_MOST,
    },
}  # fmt: skip
JOURNAL_LINES: Mapping[str, _Form] = {
    "start": {"digest": _SHA256},
    "round": {
        "fold": _COUNT, "round": _COUNT, "asked": _COUNT, "reported": _COUNT, "dropped": _COUNT,
        "outcome": _TEXT, "reason": (_TEXT,), "via": _TEXT, "epsilon": (_NUMBER,),
        "accuracy": (_NUMBER,), "clip": (_NUMBER,), "measures": [_NUMBER],
    },
    "stopped": {"fold": _COUNT, "rounds_done": _COUNT, "reason": _TEXT},
    "end": {"rounds": _COUNT},
}  # fmt: skip
_SPREAD = {"mean": _NUMBER, "p10": _NUMBER, "min": _NUMBER}
_BLOCK = ({"people": _COUNT, "per_person": {"accuracy": _SPREAD}},)
RESULT: _Form = {
    "holter": _TEXT,
    "study": {"name": _TEXT, "task": _TEXT, "seed": _COUNT, "digest": _SHA256},
    "synthetic": _TRUTH,
    "simulation": _TRUTH,
    "people": {"training": _COUNT},
    "classes": [_TEXT],
    "rounds": {
        "planned": _COUNT, "stopped": (_TEXT,), "closed": _COUNT, "abandoned": _COUNT,
        "asked": _COUNT, "reported": _COUNT, "dropped": _COUNT,
    },
    "evaluation": {
        "new_people": _BLOCK, "global_later": _BLOCK, "local_only": _BLOCK, "personalised": _BLOCK,
    },
    "privacy": {"ledger_head": _SHA256},
    "secure_aggregation": {"server_saw": _TEXT, "threshold": (_COUNT,)},
}  # fmt: skip


class Misshapen(ValueError):
    """A part of a record that holter does not write so; the message names it."""


def check_result(result: Any) -> None:
    """The parts of result.json that a report reads. Raises Misshapen."""
    _check(result, RESULT, "the result")


def check_ledger(entries: Sequence[Any]) -> None:
    """Every line of a ledger, of a kind that holter writes. Raises Misshapen."""
    _check_lines(entries, "kind", LEDGER_LINES, "the ledger")


def check_journal(lines: Sequence[Any]) -> None:
    """Every line of a journal, of an event that holter writes. Raises Misshapen."""
    _check_lines(lines, "event", JOURNAL_LINES, "the journal")


def result_digest(result: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of all that a result says but its time and the ledger's last hash."""
    privacy = {name: v for name, v in result["privacy"].items() if name != "ledger_head"}
    rest = {name: v for name, v in result.items() if name != "time"}
    return hashlib.sha256(canonical({**rest, "privacy": privacy}).encode()).hexdigest()


def canonical(value: Any) -> str:
    """JSON values in one form: equal text means equal values of equal types, 1 and 1.0 apart."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _check_lines(lines: Sequence[Any], kind: str, known: Mapping[str, _Form], where: str) -> None:
    for number, line in enumerate(lines, start=1):
        place = f"line {number} of {where}"
        _check(line, {kind: _TEXT}, place)
        if line[kind] not in known:
            raise Misshapen(f"{place} is of a kind that holter does not write")
        _check(line, known[line[kind]], place)


def _check(value: Any, form: _Form, where: str) -> None:
    """No deeper than the form is: what lies beyond it is not looked at."""
    if isinstance(form, tuple):
        if value is not None:
            _check(value, form[0], where)
    elif isinstance(form, dict):
        if not isinstance(value, dict):
            raise Misshapen(f"{where} is not a table")
        for name, inner in form.items():
            if name not in value:
                raise Misshapen(f"{where} lacks {name}")
            _check(value[name], inner, f"{where}, {name},")
    elif isinstance(form, list):
        if not isinstance(value, list):
            raise Misshapen(f"{where} is not a list")
        for item in value:
            _check(item, form[0], where)
    elif not _fits(value, form):
        raise Misshapen(f"{where.removesuffix(',')} is not {form}")


def _fits(value: Any, form: str) -> bool:
    if form == _COUNT:
        return type(value) is int and 0 <= value <= LARGEST_COUNT
    if form == _NUMBER:
        whole = type(value) is int and abs(value) <= LARGEST_COUNT
        return whole or (type(value) is float and math.isfinite(value))
    if form == _TRUTH:
        return type(value) is bool
    if form == _SHA256:
        return isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")
    return isinstance(value, str)
