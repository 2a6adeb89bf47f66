"""A run as a page: ``report_html`` for a file, ``run_fragment`` for a notebook.

Both are pure functions of the result (``result.json``) and the journal's lines, and read
nothing but the packaged templates. What they return holds no script and refers to nothing
outside itself; the document's content security policy would refuse both. Every text of the
run is escaped by jinja2 or by ``svg``, so a study's name cannot become markup. No page shows
an identifier of a person: none is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from holter.dash.view import page_of

Result = Mapping[str, Any]
Journal = Sequence[Mapping[str, Any]]


@cache
def templates() -> Environment:
    """The packaged templates, which escape everything."""
    return Environment(
        loader=PackageLoader("holter.dash"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _render(template: str, result: Result, journal: Journal) -> str:
    return templates().get_template(template).render(page=page_of(result, journal))


def report_html(result: Result, journal: Journal) -> str:
    """The whole report as one HTML document.

    Guarantees: no script, no reference outside the document, every banner the result calls
    for (``view.banners``). Edges: whatever the result lacks reads "n/a" or is left out; an
    empty journal gives charts that say so.
    """
    return _render("report.html", result, journal)


def run_fragment(result: Result, journal: Journal) -> str:
    """The run's answer, table and main charts as an element for ``_repr_html_``.

    Guarantees: as ``report_html``; its styles reach only its own element.
    """
    return _render("fragment.html", result, journal)
