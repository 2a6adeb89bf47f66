"""The report and the notebook fragment: what they say, and what they never hold."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from holter.dash.report import report_html, run_fragment

Tree = dict[str, Any]
Make = Callable[..., Any]
VOID = {"meta", "line", "path", "polyline", "br"}  # polyline, path, line close themselves
NOTHING_PRIVATE = {
    "mode": "none",
    "epsilon": None,
    "epsilon_exact": None,
    "delta": None,
    "noise_multiplier": None,
    "rho_per_participation": None,
    "statement": "No noise was added.",
}
SIMULATION = "SIMULATION: nobody is protected by this run"


class Balance(HTMLParser):
    """Fails on a tag that closes what is not open; collects text and ids."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.targets += [value for name, value in attrs if name == "href" and value]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)


def read(page: str) -> str:
    """The visible text of a well-formed page that refers to nothing outside itself."""
    parser = Balance()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    assert {target.removeprefix("#") for target in parser.targets} <= set(parser.ids)
    for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ElementTree.fromstring(svg)
    lowered = page.lower()
    for forbidden in ("<script", "http:", "https:", "<link", "@import", "url(", "<img", "<iframe"):
        assert forbidden not in lowered
    assert not re.search(r"\son\w+=", lowered)
    text = " ".join(" ".join(parser.text).split())
    assert not re.search(r"\b(nan|None|inf)\b", text)
    return text


def both(result: Tree, journal: list[Tree]) -> tuple[str, str]:
    return read(report_html(result, journal)), read(run_fragment(result, journal))


def without_later_windows(result: Tree) -> Tree:
    for key in ("global_later", "local_only", "personalised", "helped"):
        result["evaluation"][key] = None
    everyone = result["evaluation"]["distribution"]["new_people"]
    result["evaluation"]["distribution"] = {"new_people": everyone}
    return result


def test_answer_states_the_three_ways_and_epsilon_in_one_sentence(
    a_result: Make, a_journal: Make
) -> None:
    result = a_result()
    for key, mean in (("local_only", 0.7412), ("global_later", 0.8501), ("personalised", 0.8799)):
        result["evaluation"][key]["per_person"]["accuracy"]["mean"] = mean
    for text in both(result, a_journal()):
        assert (
            "Federated learning brought new people from 74.1 % (learning alone) to 85.0 %; "
            "fitting to the person to 88.0 %, at epsilon 8.0." in text
        )


@pytest.mark.parametrize(
    ("alone", "together", "fitted", "said"),
    [
        (0.9, 0.8, 0.85, "did not pay: new people reach 90.0 % learning alone and 80.0 % with it"),
        (0.8, 0.80001, 0.85, "left new people at 80.0 %, no better than learning alone"),
        (0.7, 0.8, 0.75, "fitting to the person lowered it to 75.0 %"),
        (0.7, 0.8, 0.80001, "fitting to the person changed nothing"),
    ],
)
def test_answer_claims_no_gain_where_there_is_none(
    a_result: Make, alone: float, together: float, fitted: float, said: str
) -> None:
    result = a_result()
    for key, mean in (("local_only", alone), ("global_later", together), ("personalised", fitted)):
        result["evaluation"][key]["per_person"]["accuracy"]["mean"] = mean
    assert said in read(report_html(result, []))


def test_simulation_banner_is_always_there(a_result: Make, a_journal: Make) -> None:
    for result in (a_result(), a_result(synthetic=False, privacy=NOTHING_PRIVATE), {}):
        for text in both(result, a_journal()):
            assert SIMULATION in text


@pytest.mark.parametrize("synthetic", [True, False])
def test_synthetic_banner_is_there_exactly_for_synthetic_data(
    a_result: Make, synthetic: bool
) -> None:
    for text in both(a_result(synthetic=synthetic), []):
        assert ("SYNTHETIC DATA" in text) is synthetic


def test_private_run_is_not_called_not_private(a_result: Make, a_journal: Make) -> None:
    for text in both(a_result(), a_journal()):
        assert "NOT PRIVATE" not in text


@pytest.mark.parametrize(
    "privacy",
    [NOTHING_PRIVATE, {"mode": None}, {"mode": "magic"}, {"epsilon": None}, {"epsilon": math.inf}],
)
def test_run_without_a_known_finite_promise_says_in_capitals_that_it_is_not_private(
    a_result: Make, a_journal: Make, privacy: Tree
) -> None:
    for text in both(a_result(privacy=privacy), a_journal()):
        assert "NOT PRIVATE: no noise" in text
        assert "This run is NOT PRIVATE." in text
        assert "at epsilon" not in text


def test_names_from_the_study_stay_text(a_result: Make) -> None:
    sly = '<script>alert("1")</script><img src=x onerror=alert(1)>'
    study = {"name": sly, "task": sly, "digest": sly}
    result = a_result(
        study=study,
        classes=[sly],
        privacy={"statement": sly, "assumptions": [sly]},
        rounds={"abandoned_reasons": {sly: 1}},
    )
    for page in (report_html(result, []), run_fragment(result, [])):
        assert "<script" not in page and "<img" not in page
        assert "&lt;script&gt;alert" in page


def test_document_forbids_scripts_and_outside_sources_by_policy(a_result: Make) -> None:
    page = report_html(a_result(), [])
    assert page.startswith("<!DOCTYPE html>")
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page
    assert '<html lang="en">' in page and 'name="viewport"' in page
    assert "prefers-color-scheme: dark" in page and "@media print" in page


def test_study_without_later_windows_shows_new_people_only(a_result: Make, a_journal: Make) -> None:
    text = read(report_html(without_later_windows(a_result()), a_journal()))
    assert "On 250 new people the federated model was right" in text
    assert "Local only" not in text and "Fitting to the person was not measured: n/a." in text


def test_blocks_that_are_missing_are_as_good_as_null(a_result: Make) -> None:
    result = without_later_windows(a_result())
    null = report_html(result, [])
    for key in ("global_later", "local_only", "personalised", "helped"):
        del result["evaluation"][key]
    assert report_html(result, []) == null


def test_single_person_has_no_margin_and_whole_percentages(a_result: Make) -> None:
    text = read(report_html(a_result(people=1), []))
    assert "Tested on 1 person, 42 windows." in text
    assert not re.search(r"\d\.\d\u00a0%", text.split("How it spreads")[0])
    assert "\u00b1\u00a0" not in text


def test_run_whose_rounds_were_all_abandoned_says_that_nothing_was_learned(
    a_result: Make, a_journal: Make
) -> None:
    rounds = {"planned": 5, "closed": 0, "abandoned": 5, "asked": 500, "reported": 375}
    journal = a_journal(rounds=5, abandoned=(1, 2, 3, 4, 5))
    for text in both(a_result(rounds=rounds), journal):
        assert "No round closed, so nothing was learned together" in text
        assert "no accuracy was measured" in text


def test_folds_are_explained_and_drawn(a_result: Make, a_journal: Make) -> None:
    people = {"total": 31, "training": 31, "new": 31, "folds": 6}
    page = report_html(a_result(people=31, people_=None) | {"people": people}, a_journal(25, 6))
    assert "a faint line for each of 6 folds" in read(page)


def test_report_on_a_thousand_people_stays_small(a_result: Make, a_journal: Make) -> None:
    page = report_html(a_result(people=1_000), a_journal(rounds=700, folds=6))
    read(page)
    assert len(page) < 120_000


def test_empty_result_and_journal_still_make_a_page() -> None:
    for text in both({}, []):
        assert "Nothing was measured on new people" in text


def test_not_a_number_reads_not_available(a_result: Make) -> None:
    result = a_result(traffic={"upload_bytes_per_client_round": math.nan})
    result["evaluation"]["local_only"]["macro_f1"] = math.nan
    result["evaluation"]["local_only"]["per_class"]["walking"]["recall"] = None
    assert read(report_html(result, [])).count("n/a") >= 3


def test_privacy_section_states_every_assumption_and_the_numbers(a_result: Make) -> None:
    result = a_result()
    text = read(report_html(result, []))
    for assumption in result["privacy"]["assumptions"]:
        assert assumption in text
    for term in ("statement", "adversary", "adjacency", "unit"):
        assert result["privacy"][term] in text
    assert result["secure_aggregation"]["server_saw"] in text
    assert result["study"]["digest"] in text
    assert "1.23" in text and "1.2345678" not in text


def test_server_sum_that_differs_is_told_loudly(a_result: Make) -> None:
    text = read(report_html(a_result(secure_aggregation={"exact": False}), []))
    assert "NO: the sums differed" in text


def test_fragment_styles_reach_only_its_own_element(a_result: Make) -> None:
    fragment = run_fragment(a_result(), [])
    style = re.search(r"<style>(.*?)</style>", fragment, re.DOTALL)
    assert style
    rules = re.sub(r"/\*.*?\*/|@media[^{]*\{", "", style[1], flags=re.DOTALL)
    for selectors in re.findall(r"([^{}]+)\{", rules):
        assert all(one.strip().startswith(".holter") for one in selectors.split(","))
    assert "<html" not in fragment and ' id="' not in fragment


def test_same_run_gives_the_same_page(a_result: Make, a_journal: Make) -> None:
    assert report_html(a_result(), a_journal()) == report_html(a_result(), a_journal())


def test_what_was_left_out_is_among_the_facts_commonest_first_and_only_if_there_is_any(
    a_result: Make,
) -> None:
    reasons = [{"why": f"no ecg, case {number}", "count": number} for number in range(1, 14)]
    result = a_result()
    result["people"] |= {"left_out": reasons, "without_windows": 1200}
    text = read(report_html(result, []))
    assert "no ecg, case 13 (13); no ecg, case 12 (12)" in text
    assert "case 4 (4); 3 other reasons (6); 1,200 people without any window" in text
    assert "case 3 " not in text
    for people in ({}, {"left_out": [], "without_windows": 0}, {"left_out": None}):
        result = a_result()
        result["people"] |= people
        assert "Left out" not in read(report_html(result, []))
