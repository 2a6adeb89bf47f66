"""What a report states about privacy: the numbers of the promise, and what must hold.

Without a promise (``mode = "none"``, an unknown mode, no finite epsilon) nothing is stated
that would only mean something with one: no delta, no adversary, no noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holter.dash.facts import Fact, stated
from holter.dash.numbers import count, short
from holter.dash.numbers import epsilon as written_epsilon
from holter.dash.reading import is_private, items, number, text

Result = Mapping[str, Any]


def privacy(result: Result) -> tuple[Fact, ...]:
    """The numbers of the promise; without a promise, only what was still bounded."""
    mode = text(result, "privacy", "mode")
    if not is_private(result):
        no_bound = "there is no bound on what the published numbers may tell about one person"
        return (
            Fact("Mode", f"{mode or 'unknown'} (NOT PRIVATE)", _mode(mode)),
            Fact("Epsilon (\u03b5)", "none", no_bound),
            *stated(_limits(result, "a round with fewer devices left is abandoned")),
        )
    promise = (
        Fact("Mode", mode, _mode(mode)),
        Fact(
            "Epsilon (\u03b5)",
            written_epsilon(number(result, "privacy", "epsilon")),
            "how much more likely any one outcome can become because one person takes part: at "
            "most a factor of e to the power of epsilon; smaller is more private",
        ),
        Fact(
            "Delta (\u03b4)",
            short(number(result, "privacy", "delta")),
            "an allowance on top of that factor, best far below 1 divided by the number of people",
        ),
    )
    details = (
        Fact(
            "Epsilon, exact Gaussian",
            written_epsilon(number(result, "privacy", "epsilon_exact")),
            _route(result, "exact Gaussian"),
        ),
        Fact(
            "Epsilon, Renyi conversion",
            written_epsilon(number(result, "privacy", "epsilon_renyi")),
            _route(result, "Renyi conversion"),
        ),
        Fact("Meant for", _meant_for(result), "the fleet whose noise was scaled to these few"),
        Fact("Who counts as one", text(result, "privacy", "unit")),
        Fact("Compared with", text(result, "privacy", "adjacency")),
        Fact("Holds against", text(result, "privacy", "adversary")),
        Fact(
            "Noise multiplier",
            short(number(result, "privacy", "noise_multiplier")),
            "noise of a whole sum, in units of the most that one person can add to it",
        ),
        *_limits(
            result,
            "a round with fewer devices left is abandoned; the noise is sized for this many",
        ),
        Fact(
            "Colluders allowed for",
            count(number(result, "privacy", "colluders")),
            "devices that may work with the server without weakening the promise",
        ),
        Fact(
            "Spent per round taken part in",
            short(number(result, "privacy", "rho_per_participation")),
            "rho, the unit in which a device's privacy ledger adds up",
        ),
        Fact("Randomness", text(result, "privacy", "randomness"), _randomness(result)),
    )
    return promise + stated(details)


def _route(result: Result, method: str) -> str:
    """Which of the two numbers is the promise."""
    if text(result, "privacy", "method") == method:
        return "the number that is promised"
    return "for comparison; the promise is Epsilon (\u03b5)"


def _meant_for(result: Result) -> str:
    people = number(result, "privacy", "meant_for", "population")
    if people is None:
        return ""
    cohort = number(result, "privacy", "meant_for", "clients_per_round")
    return f"{count(people)} people, {count(cohort)} a round"


def _limits(result: Result, floor_means: str) -> tuple[Fact, ...]:
    """What bounds a person's part, with noise or without."""
    return (
        Fact(
            "Clip",
            short(number(result, "privacy", "clip")),
            _bound(text(result, "privacy", "bound")),
        ),
        Fact(
            "Most rounds per person",
            count(number(result, "privacy", "max_participations")),
            "any accounting is for the person asked this often, not for the average one",
        ),
        Fact(
            "Rounds between two of one person",
            count(number(result, "privacy", "min_separation")),
            "the fewest before the same person may be asked again",
        ),
        Fact("Fewest survivors", count(number(result, "privacy", "survivors_floor")), floor_means),
        *_extras(result),
    )


def _extras(result: Result) -> tuple[Fact, ...]:
    """What a plan has beyond the ordinary; nothing where it does not."""
    bands = number(result, "privacy", "bands")
    quantile = number(result, "privacy", "clip_quantile")
    metrics = number(result, "privacy", "metrics_share")
    found = []
    if bands is not None and bands > 1:
        meaning = "rounds over which the server's noise is correlated, and in part taken back"
        found.append(Fact("Bands of the noise", count(bands), meaning))
    if quantile is not None:
        meaning = "share of updates that the clip is to leave whole; it follows from round to round"
        found.append(Fact("Quantile of the clip", short(quantile), meaning))
    if metrics:
        meaning = "of each charge, for accuracy and loss on the clients' own windows"
        found.append(Fact("Share for metrics", short(metrics), meaning))
    return tuple(found)


def _mode(mode: str) -> str:
    return {
        "distributed": "every device adds its share of the noise before anything leaves it",
        "central": "noise is added to the sum and not on the devices; whom that believes is said below",
        "local": "every device adds all the noise it needs by itself",
        "none": "no noise is added anywhere",
    }.get(mode, "")


def _bound(bound: str) -> str:
    if bound == "normalise":
        return "every contribution is scaled to exactly this length"
    if bound == "clip":
        return "longer contributions are shortened to this length"
    return "the greatest length of one contribution"


def _randomness(result: Result) -> str:
    if text(result, "privacy", "randomness") == "simulated":
        return "drawn from a seed, so whoever knows the seed can take the noise off again"
    return ""


def assumptions(result: Result) -> tuple[str, ...]:
    """What must hold for the promise to hold."""
    found = items(result, "privacy", "assumptions")
    return tuple(item.strip() for item in found if isinstance(item, str) and item.strip())
