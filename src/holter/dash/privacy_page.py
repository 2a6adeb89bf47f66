"""The privacy report as one HTML document, from its JSON form. No script, nothing from outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holter.dash.numbers import epsilon
from holter.dash.report import templates


def privacy_html(report: Mapping[str, Any]) -> str:
    """The fourteen points as a page. report: ``PrivacyReport.facts()``.

    Guarantees: as ``report.report_html``.
    """
    promise = report["promise"]
    short = {
        "epsilon": epsilon(promise["epsilon"]),
        "delta": f"{promise['delta']:g}",
        "adversary": promise["adversary"],
    }
    return templates().get_template("privacy.html").render(report=report, short=short)
