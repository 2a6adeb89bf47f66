"""Every rule refuses its scenario, nothing else does, and no rule lacks one."""

from __future__ import annotations

import ast
import inspect
from collections import Counter
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.secagg.upload import rules_helper, rules_leader
from tests.secagg.upload.rules import RULES, Attempt, Rule
from tests.secagg.upload.window_forgery import MODULES, guarded, rule_off, says

assert rules_helper and rules_leader


def refused(rule: Rule, attempt: Attempt) -> None:
    error = rule.error or rules_helper.NotValid
    with pytest.raises(error, match=rule.says if rule.error else None):
        attempt()


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_what_a_rule_refuses_only_that_rule_refuses(
    monkeypatch: pytest.MonkeyPatch, rule: Rule
) -> None:
    if rule.also:
        rule_off(monkeypatch, *rule.also)
    refused(rule, rule.scenario())
    attempt = rule.scenario()
    rule_off(monkeypatch, rule.module, rule.function, rule.says)
    if rule.without is None:
        attempt()
        return
    with pytest.raises(rule.without) as caught:
        attempt()
    assert rule.says not in str(caught.value)


def functions(module: ModuleType) -> Iterator[tuple[str, ast.AST]]:
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        for inner in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(inner, ast.FunctionDef):
                yield f"{node.name}.{inner.name}", inner


def test_every_if_that_refuses_has_a_scenario() -> None:
    found = [
        (module, name, says(node))
        for module in MODULES
        for name, function in functions(module)
        for node in guarded(function)
    ]
    missing = [
        f"{module.__name__}.{name}: {text}"
        for module, name, text in found
        if not any((r.module, r.function) == (module, name) and r.says in text for r in RULES)
    ]
    assert missing == []
    assert len(found) > 40


def test_every_scenario_names_one_rule_that_exists() -> None:
    for rule in RULES:
        texts = [
            says(node)
            for name, function in functions(rule.module)
            if name == rule.function
            for node in guarded(function)
        ]
        assert sum(rule.says in text for text in texts) == 1, (rule.function, rule.says)
    assert max(Counter(map(str, RULES)).values()) == 1
