"""The page of an audit: the figure, the findings, and what it says where something failed."""

from __future__ import annotations

import copy
import json
import math
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.dash.test_browser import visit
from tests.dash.test_report import read

from holter.dash.audit_page import audit_html
from holter.dash.leak import leak

SCHEMA = Path(__file__).parents[2] / "docs" / "audit.schema.json"
CHANNELS, SAMPLES = 3, 128


def wave(speed: float) -> list[float]:
    values = [math.sin(speed * n) for n in range(CHANNELS * SAMPLES)]
    norm = math.hypot(*values)
    return [value / norm for value in values]


def an_audit(**more: Any) -> dict[str, Any]:
    """audit.json of a sound pipeline."""
    findings = [
        ("draws", "Each device's noise is as planned.", 70.5, 70.1),
        ("noise_scale", "The sum carries 545.6 grid steps.", 532.1, 531.8),
        ("sampler_fit", "The draws fit.", None, None),
        ("inversion", "The noised sum gives nothing away.", 0.139, 0.141),
        ("one_of_tomorrow", "A new audit.", 3.4, 3.21),
    ]
    made: dict[str, Any] = {
        "format": "holter.audit/1",
        "plan_hash": "ab" * 32,
        "study": "made up",
        "simulated_run": True,
        "randomness": {"draws": "operating system", "sums": "seeded tables"},
        "quick": True,
        "passed": True,
        "seconds": 21.4,
        "findings": [
            {"name": n, "passed": True, "what": w, "numbers": {"p": None}, "claim": c, "bound": b}
            for n, w, c, b in findings
        ],
        "left_out": [{"name": "membership", "why": "there is no file x.npz"}],
        "inversion": {
            "channels": CHANNELS,
            "samples": SAMPLES,
            "devices": 50,
            "noise_multiplier": 1.0,
            "mean_cosine_of_sum": 0.482,
            "random_cosine": 0.139,
            "window": wave(0.2),
            "arms": [
                {"arm": "raw", "cosine": 1.0, "window": wave(0.2)},
                {"arm": "sum", "cosine": 0.698, "window": wave(0.21)},
                {"arm": "noised", "cosine": 0.141, "window": wave(2.9)},
            ],
        },
    }
    return made | more


def failed(*names: str) -> dict[str, Any]:
    audit = copy.deepcopy(an_audit(passed=False))
    for finding in audit["findings"]:
        finding["passed"] = finding["name"] not in names
    return audit


def test_the_page_of_a_sound_pipeline_says_what_a_pass_is_worth() -> None:
    audit = an_audit()
    jsonschema.validate(audit, json.loads(SCHEMA.read_text()))
    text = read(audit_html(audit))
    assert "All 5 audits passed" in text and "FAILED" not in text
    assert "A passed audit proves nothing" in text and "finds gross faults" in text
    assert "SIMULATION: nobody is protected by this run" in text and "ab" * 32 in text
    assert "membership left out" in text and "there is no file x.npz" in text
    for finding in audit["findings"]:
        assert finding["what"] in text
    assert "promised 532.1 grid steps" in text and "measured 531.8 grid steps" in text


def test_the_demonstration_is_told_in_plain_words_with_all_its_numbers() -> None:
    text = read(audit_html(an_audit()))
    assert "SYNTHETIC window" in text and "nobody wore it" in text
    assert "likeness of 1.00 of 1" in text and "still rebuilt with 0.70" in text
    assert "0.14 is left; random guesses come to 0.14" in text
    for cosine in ("1.000", "0.698", "0.141", "0.139"):
        assert cosine in text


def test_a_failed_audit_is_named_first_and_the_figure_claims_no_protection() -> None:
    text = read(audit_html(failed("noise_scale", "inversion")))
    assert "2 of 5 audits FAILED: Noise of an opened sum, Rebuilding a window." in text
    assert "a promise of this plan does not hold" in text and "All 5" not in text
    assert "THIS AUDIT FAILED" in text and "PASSED" not in text


def test_the_figure_draws_every_sample_of_window_and_reconstruction_in_three_arms() -> None:
    shown = an_audit()["inversion"]
    drawn = str(leak(shown))
    for css, legend in (("truth", 1), ("guess", 1)):
        lines = re.findall(rf'<polyline class="line {css}" points="([^"]+)"', drawn)
        sizes = sorted(len(points.split()) for points in lines)
        assert sizes == [2] * legend + [SAMPLES] * (3 * CHANNELS)
    # The raw arm's lines lie on the window's own; the noised arm's do not.
    truth, guess = (
        re.findall(rf'<polyline class="line {css}" points="([^"]+)"', drawn)
        for css in ("truth", "guess")
    )
    assert truth[:CHANNELS] == guess[:CHANNELS] and truth[6] != guess[6]
    assert "<title>" in drawn and "likeness 0.70 of 1" in drawn and "random guesses: 0.14" in drawn


def test_numbers_out_of_range_still_stay_within_the_drawing() -> None:
    shown = an_audit()["inversion"]
    shown["arms"][0]["cosine"] = 1.0000001
    shown["window"] = [0.0] * (CHANNELS * SAMPLES)
    for arm in shown["arms"]:
        arm["window"] = shown["window"]
    drawn = str(leak(shown))
    heights = [float(point.split(",")[1]) for point in re.findall(r"[\d.]+,-?[\d.]+", drawn)]
    assert heights and 0 <= min(heights) and "nan" not in drawn


@pytest.mark.browser
def test_the_page_opens_without_console_error_or_outside_request(tmp_path: Path) -> None:
    sly = "</style></title><script src='//example.org/x.js'></script><img src=//example.org/x>"
    audit = an_audit(study=sly)
    audit["findings"][0]["what"] = sly
    audit["left_out"][0]["why"] = sly
    page = tmp_path / "audit.html"
    page.write_text(audit_html(audit), encoding="utf-8")
    document, console, asked = visit(page, tmp_path)
    assert "SYNTHETIC window" in document and document.count("<svg") == 1
    assert console == []
    assert [url for url in asked if not url.startswith(("file://", "data:"))] == []
