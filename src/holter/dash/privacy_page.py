"""The privacy report as one HTML document, from its JSON form. No script, nothing from outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holter.dash.numbers import epsilon
from holter.dash.report import templates
from holter.privacy.guarantee import article

WIDE = 60  # characters: longer values take the whole width
BOLD = 34  # characters: longer values are not set bold


def privacy_html(report: Mapping[str, Any]) -> str:
    """The fourteen points as a page. report: ``PrivacyReport.facts()``.

    Guarantees: as ``report.report_html``. Edges: of a banner the first sentence stands out, the
    rest of it follows in full as text.
    """
    promise = report["promise"]
    short = {
        "epsilon": epsilon(promise["epsilon"]),
        "delta": f"{promise['delta']:g}",
        "adversary": article(promise["adversary"]),
    }
    banners = [_banner(text) for text in report["banners"]]
    page = templates().get_template("privacy.html")
    return page.render(report=report, short=short, banners=banners, wide=WIDE, bold=BOLD)


def _banner(text: str) -> dict[str, str]:
    """Its first sentence, and what follows."""
    first, _, rest = text.partition(". ")
    return {"first": first.removesuffix(".") + ".", "rest": rest}
