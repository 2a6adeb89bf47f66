"""``holter privacy plan``: what it prints, when it exits with 2, and its one line of complaint."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.conftest import Bench

GOOD = {
    "population": 1000,
    "cohort": 100,
    "rounds": 100,
    "parameters": 2000,
    "epsilon": 8,
}


def asked(bench: Bench, *flags: str, **changes: Any) -> tuple[int, str, str]:
    """Exit code, what it printed, what it complained. None leaves an option out."""
    options = {name: value for name, value in (GOOD | changes).items() if value is not None}
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    return bench.holter("privacy", "plan", *words, *flags)


def complaint(bench: Bench, *flags: str, **changes: Any) -> str:
    """The one line on stderr of a question that ends with exit code 2."""
    code, _, err = asked(bench, *flags, **changes)
    assert code == 2, err
    assert len(err.splitlines()) == 1 and err.startswith("holter: ") and "Traceback" not in err
    return err


def test_a_plan_that_teaches_is_printed_with_its_price_and_its_neighbours(bench: Bench) -> None:
    code, out, err = asked(bench)
    assert (code, err) == (0, "")
    for words in ("privacy plan", "epsilon", "8.000 at delta 1e-06", "grid steps on each device",
                  "at most 10 times", "signal / noise", "one number changed", "half the rounds",
                  "mode central"):  # fmt: skip
        assert words in out
    assert "warning" not in out


@pytest.mark.parametrize("mode", ["distributed", "central", "local"])
def test_json_is_json_and_nothing_else_whatever_the_verdict(bench: Bench, mode: str) -> None:
    for parameters in (2, 50_000):
        code, out, err = asked(bench, "--json", mode=mode, parameters=parameters, epsilon=2)
        facts = json.loads(out, parse_constant=lambda name: pytest.fail(name))
        assert facts["format"] == "holter.privacy-plan/1" and facts["question"]["mode"] == mode
        assert facts["epsilon"] <= 2
        assert code == (0 if facts["teaches"] else 2) and bool(err) != facts["teaches"]


def test_a_plan_that_would_teach_nothing_is_shown_and_ends_with_the_nearest(bench: Bench) -> None:
    code, out, _ = asked(bench, parameters=50_000)
    assert code == 2 and "privacy plan" in out
    said = complaint(bench, parameters=50_000)
    assert "0.3 is the least that teaches" in said
    ways = said.split("Nearest that works: ")[1].split("; or ")
    assert [way.split()[0] for way in ways] == ["population", "rounds", "epsilon", "parameters"]
    for way in ways:  # each of them does work
        name, value = way.split()
        assert asked(bench, **{"parameters": 50_000, name: value.replace(",", "")})[0] == 0


@pytest.mark.parametrize("unknown", ["population", "rounds", "epsilon", "parameters"])
def test_what_is_solved_for_is_answered_with_exit_code_0(bench: Bench, unknown: str) -> None:
    code, out, err = asked(bench, "--json", f"--solve={unknown}")
    facts = json.loads(out)
    assert (code, err) == (0, "") and facts["teaches"]
    assert facts["question"][unknown] != GOOD[unknown]
    assert facts["signal_to_noise"] == pytest.approx(0.3, rel=0.1)


def test_solving_for_epsilon_needs_no_epsilon_and_the_others_need_one(bench: Bench) -> None:
    assert asked(bench, "--solve=epsilon", epsilon=None)[0] == 0
    assert "--epsilon or --noise-multiplier" in complaint(bench, "--solve=rounds", epsilon=None)
    said = complaint(bench, "--solve=epsilon", epsilon=None, noise_multiplier=2)
    assert "leave --noise-multiplier out" in said
    assert "one of: population" in complaint(bench, "--solve=delta")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mode": "none"}, "promises nothing"),
        ({"mode": "secret"}, "one of: distributed"),
        ({"cohort": 1001}, "at most 1000"),
        ({"cohort": 1}, "--cohort"),
        ({"population": None}, "--population"),
        ({"rounds": 0}, "--rounds"),
        ({"rounds": "many"}, "--rounds"),
        ({"parameters": 0}, "--parameters"),
        ({"epsilon": None}, "give"),
        ({"noise_multiplier": 2}, "not both"),
        ({"epsilon": 0}, "above 0"),
        ({"epsilon": "nan"}, "finite"),
        ({"delta": 1}, "at most"),
        ({"survivors_floor": 101}, "survivors_floor"),
        ({"metrics_share": 0.6}, "at most 0.5"),
        ({"survival": "nan"}, "survival is a share"),
        ({"max_participations": 3}, "raise it"),
    ],
)
def test_what_cannot_be_asked_is_one_line_and_exit_code_2(
    bench: Bench, changes: dict[str, Any], words: str
) -> None:
    code, out, _ = asked(bench, **changes)
    assert code == 2 and out == ""
    assert words in complaint(bench, **changes)


def test_warnings_are_printed_and_do_not_change_the_exit_code(bench: Bench) -> None:
    code, out, _ = asked(bench, delta=0.01, epsilon=12, survival=0.5)
    assert code == 0
    flat = " ".join(out.split())
    assert flat.count("warning: ") == 3
    for words in ("delta 0.01 is above 1 / population", "weak promise", "earlier rounds kept"):
        assert words in flat


def test_groups_and_wide_lanes_are_spoken_of(bench: Bench) -> None:
    code, out, _ = asked(bench, population=100_000, cohort=5000, parameters=200_000)
    flat = " ".join(out.split())
    assert code == 0 and "3 sums beside each other" in flat
    assert "32-bit lanes: 4 bytes a parameter" in flat
