"""The privacy report as a page: whole, escaped, and alone."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from tests.dash.test_browser import visit

from holter.dash.privacy_page import privacy_html
from holter.rounds.privacy_report import FORMAT, TITLES

SLY = "</style></title><script src='//example.org/x.js'></script><img src=//example.org/x>"
LONG = "one sum a round, opened only with 8 or more contributions in it; no single contribution"


def a_report(**changes: Any) -> dict[str, Any]:
    """As ``PrivacyReport.facts()`` gives it."""
    points = [
        {
            "number": number,
            "title": title,
            "facts": {} if number == 10 else {"short": f"value {number}", "long": LONG},
            "words": [f"Sentence {number}, first.", f"Sentence {number}, second."],
        }
        for number, title in enumerate(TITLES, start=1)
    ]
    report = {
        "format": FORMAT,
        "study": "wrist",
        "banners": [
            "SYNTHETIC PEOPLE: the recordings were made by a program.",
            "SIMULATION: nobody is protected by this run. A fleet would have: Epsilon 7.99.",
        ],
        "promise": {
            "epsilon": 7.9512, "method": "Renyi conversion", "epsilon_exact": 7.4,
            "epsilon_renyi": 7.9512, "delta": 1e-6, "rho": 1.1, "unit": "device lifetime",
            "adjacency": "zero-out", "adversary": "honest-but-curious server",
            "assumptions": ["one"],
        },
        "points": points,
    }  # fmt: skip
    return report | changes


class _Text(HTMLParser):
    """What a reader sees, and every tag with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._silent = False
        self.feed(page)
        self.text = " ".join(" ".join(self.seen).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._silent = tag == "style"

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.seen.append(data)


def test_all_fourteen_points_stand_on_the_page_in_order_with_all_they_say() -> None:
    report = a_report()
    page = _Text(privacy_html(report))
    body = page.text[page.text.rindex(f"1 {TITLES[0]}") :]
    place = 0
    for point in report["points"]:
        place = body.index(f"{point['number']} {point['title']}", place)
        said = [text for pair in point["facts"].items() for text in pair] + point["words"]
        for text in said:
            place = body.index(text, place)


def test_every_point_can_be_reached_from_the_top() -> None:
    page = _Text(privacy_html(a_report()))
    targets = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    sections = [f"#{attrs['id']}" for tag, attrs in page.tags if tag == "section"]
    assert targets == sections == [f"#point-{number}" for number in range(1, 15)]


def test_banners_are_said_in_full_and_epsilon_is_rounded_up() -> None:
    report = a_report()
    page = _Text(privacy_html(report))
    for banner in report["banners"]:
        for sentence in banner.split(". "):
            assert sentence.removesuffix(".") in page.text
    assert "epsilon 8.0 at delta 1e-06, against an honest-but-curious server" in page.text


def test_the_page_has_no_script_and_refers_to_nothing_outside_itself() -> None:
    page = _Text(privacy_html(a_report(study=SLY, banners=[SLY])))
    assert {tag for tag, _ in page.tags} & {
        "script",
        "img",
        "link",
        "iframe",
        "object",
        "form",
    } == set()
    for _, attrs in page.tags:
        assert not any(name.startswith("on") or name in ("src", "style") for name in attrs)
        assert (attrs.get("href") or "#").startswith("#")
    assert re.search(r"@import|url\(", privacy_html(a_report())) is None


@pytest.mark.parametrize("where", ["study", "banner", "fact", "name", "words", "adversary"])
def test_hostile_text_stays_text(where: str) -> None:
    report = a_report()
    first = report["points"][0]
    match where:
        case "study":
            report["study"] = SLY
        case "banner":
            report["banners"] = [SLY]
        case "fact":
            first["facts"]["short"] = SLY
        case "name":
            first["facts"][SLY] = "value"
        case "words":
            first["words"] = [SLY]
        case _:
            report["promise"]["adversary"] = SLY
    page = privacy_html(report)
    assert SLY not in page and "<script" not in page and "<img" not in page
    assert html.escape(SLY).replace("&#x27;", "&#39;") in page


@pytest.mark.browser
@pytest.mark.parametrize("name", ["wrist", SLY])
def test_the_page_opens_without_console_error_or_outside_request(tmp_path: Path, name: str) -> None:
    path = tmp_path / "privacy.html"
    path.write_text(privacy_html(a_report(study=name)), encoding="utf-8")
    document, console, asked = visit(path, tmp_path)
    assert "SIMULATION: nobody is protected by this run" in document
    assert document.count("<section") == 14
    assert console == []
    assert [url for url in asked if not url.startswith(("file://", "data:"))] == []
