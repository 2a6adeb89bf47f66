"""An audit as one HTML document, from audit.json. No script, nothing from outside.

First the leak demonstration, for a reader who knows nothing of the field; then every finding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from holter.dash.leak import leak, names
from holter.dash.numbers import count, counted, decimal, duration, short
from holter.dash.report import templates


@dataclass(frozen=True)
class _Kind:
    """How a finding is headed, what its two numbers are called, and their unit."""

    title: str
    claim: str = "promised"
    bound: str = "measured"
    unit: str = ""


_KINDS: Final = {
    "draws": _Kind("Noise of each alone", "the plan says", "the weakest", "grid steps"),
    "noise_scale": _Kind("Noise of an opened sum", "promised", "measured", "grid steps"),
    "sampler_fit": _Kind("Shape of the noise"),
    "whiteness": _Kind("Independence of the noise"),
    "sensitivity": _Kind("Longest contribution", "bound", "longest found", "grid steps"),
    "canary_game": _Kind("Told apart: one planted device", "claimed", "at least", "epsilon"),
    "one_shot": _Kind("Told apart: many planted devices", "claimed", "estimated", "epsilon"),
    "floor": _Kind("Fewest whose sum is opened", "floor", "fewest opened", "contributions"),
    "inversion": _Kind("Rebuilding a window", "random guesses", "attacker", "likeness"),
    "membership": _Kind("Trained on, or not", "allowed", "attacker", "advantage"),
}


@dataclass(frozen=True)
class _Card:
    """One finding as the page shows it. measures: (what it is, value and unit)."""

    name: str
    title: str
    passed: bool
    what: str
    measures: tuple[tuple[str, str], ...]


def audit_html(audit: Mapping[str, Any]) -> str:
    """The page. audit: as ``holter audit`` writes it. Guarantees: as ``report.report_html``."""
    return (
        templates()
        .get_template("audit.html")
        .render(
            audit=audit,
            answer=_answer(audit),
            took=duration(audit["seconds"]),
            figure=leak(audit["inversion"]),
            sentences=_sentences(audit),
            arms=_arms(audit["inversion"]),
            cards=[_card(finding) for finding in audit["findings"]],
        )
    )


def _answer(audit: Mapping[str, Any]) -> str:
    failed = [one["name"] for one in audit["findings"] if not one["passed"]]
    total = len(audit["findings"])
    if not failed:
        return f"All {counted(total, 'audit', 'audits')} passed: no gross fault was found."
    called = ", ".join(_kind(name).title for name in failed)
    return f"{len(failed)} of {counted(total, 'audit', 'audits')} FAILED: {called}."


def _sentences(audit: Mapping[str, Any]) -> tuple[str, ...]:
    """What the figure shows, arm by arm, from its numbers alone."""
    shown = audit["inversion"]
    found = {arm["arm"]: arm["cosine"] for arm in shown["arms"]}
    sound = all(one["passed"] for one in audit["findings"] if one["name"] == "inversion")
    devices, guesses = count(shown["devices"]), decimal(shown["random_cosine"])
    return (
        "A device never sends its recording, only what it learned from it. That is not yet "
        f"protection: from one unprotected update an attacker rebuilds the recording with a "
        f"likeness of {decimal(found['raw'])} of 1, by one division.",
        f"Adding up {devices} devices helps, but not enough: the most exposed of them is still "
        f"rebuilt with {decimal(found['sum'])} (all of them: "
        f"{decimal(shown['mean_cosine_of_sum'])} in the mean).",
        f"With noise in the sum (noise multiplier {short(shown['noise_multiplier'])}), "
        f"{decimal(found['noised'])} "
        + (
            f"is left; random guesses come to {guesses} without seeing anything."
            if sound
            else f"is left, where random guesses come to {guesses}: THIS AUDIT FAILED."
        ),
    )


def _arms(inversion: Mapping[str, Any]) -> list[tuple[str, str]]:
    called = names(inversion)
    rows = [(called.get(arm["arm"], arm["arm"]), arm["cosine"]) for arm in inversion["arms"]]
    rows.append(("Best of as many random guesses as the attacker has", inversion["random_cosine"]))
    return [(name, decimal(cosine, 3)) for name, cosine in rows]


def _card(finding: Mapping[str, Any]) -> _Card:
    kind = _kind(finding["name"])
    pairs = ((kind.claim, finding["claim"]), (kind.bound, finding["bound"]))
    measures = tuple(
        (name, f"{_shown(value)} {kind.unit}".strip()) for name, value in pairs if value is not None
    )
    return _Card(finding["name"], kind.title, finding["passed"], finding["what"], measures)


def _shown(value: float) -> str:
    """Four digits or so: claim and bound are compared, and often differ in the third."""
    return count(value) if value == round(value) else f"{value:,.4g}"


def _kind(name: str) -> _Kind:
    return _KINDS.get(name, _Kind(name))
