"""Each rule has an attack that gets through without it.

``rules`` finds the rules in the source of the machines. Here every one of them is switched off
alone, and the attack test that the table names for it must then fail. A rule that stands in no
row fails this test: a new refusal needs a test. The attack tests themselves, which run beside
this, show that none of them fails with all rules on.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.secagg import rules
from tests.secagg.mutation_table import SPARE, TABLE

ROWS = {
    f"{function}: {words}": test for function, row in TABLE.items() for words, test in row.items()
}


def cases(test: Callable[..., None]) -> Iterator[dict[str, Any]]:
    """The arguments of each case of a parametrized test."""
    lists = []
    for mark in getattr(test, "pytestmark", []):
        if mark.name == "parametrize":
            names = mark.args[0]
            if isinstance(names, str):
                lists.append([{names: value} for value in mark.args[1]])
            else:
                lists.append([dict(zip(names, values, strict=True)) for values in mark.args[1]])
    for chosen in itertools.product(*lists):
        yield {name: value for each in chosen for name, value in each.items()}


def notices(name: str) -> bool:
    """Whether any case of this test fails."""
    module, _, function = name.partition(".")
    test = getattr(importlib.import_module(f"tests.secagg.test_{module}"), function)
    for case in cases(test):
        with pytest.MonkeyPatch.context() as patch:
            if "monkeypatch" in inspect.signature(test).parameters:
                case["monkeypatch"] = patch
            try:
                test(**case)
            except (Exception, pytest.fail.Exception):  # whatever pytest would report as failed
                return True
    return False


def test_every_rule_stands_in_the_table_and_nothing_else_does() -> None:
    assert sorted({*ROWS, *SPARE}) == sorted(rules.SITES)
    assert not ROWS.keys() & SPARE.keys()


@pytest.mark.parametrize("rule", ROWS)
def test_an_attack_is_noticed_when_its_rule_is_off(rule: str) -> None:
    with rules.off(rule):
        assert notices(ROWS[rule]), f"{ROWS[rule]} passes without its rule"


def test_with_all_rules_on_the_runner_notices_nothing() -> None:
    for name in (
        "attacks_sets.test_A21_a_mask_set_without_me_is_refused",
        ROWS["keys.Secrets.once: if kind in self._made"],
    ):
        assert not notices(name)
