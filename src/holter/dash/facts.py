"""What a report states beside its charts: terms, values, and what each means in plain words.

One function per section, each from the result to a tuple of ``Fact``. Only what the result
says is stated; a value that is missing reads "n/a", and a fact that would be empty words
without its value is left out. ``promise`` has those on privacy. Numbers go
through ``numbers``, reads through ``reading``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from holter.dash.numbers import NOT_AVAILABLE, SPACE, count, counted, decimal, duration, short, size
from holter.dash.reading import at, items, number, text

FLOAT32_BYTES: Final = 4.0  # of one parameter, IEEE 754 single precision
_MOST_REASONS: Final = 10
Result = Mapping[str, Any]


@dataclass(frozen=True)
class Fact:
    """A term, its value, and a sentence that says what it means."""

    term: str
    value: str
    meaning: str = ""


def stated(facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """Without the facts that have nothing to say."""
    return tuple(fact for fact in facts if fact.value not in ("", NOT_AVAILABLE))


def traffic(result: Result) -> tuple[Fact, ...]:
    """Bytes up and down, against the same model sent in the open."""
    upload = number(result, "traffic", "upload_bytes_per_client_round")
    plain = number(result, "traffic", "float32_bytes")
    most = number(result, "privacy", "max_participations")
    per_parameter = number(result, "traffic", "bytes_per_parameter")
    against = ""
    if upload is not None and plain:
        against = f"{short(upload / plain)} times the bytes of the bare model"
    life = upload * most if upload is not None and most is not None else None
    return (
        Fact("Sent by a device in a round", _exactly(upload), against),
        Fact(
            "of which the masked contribution",
            _exactly(number(result, "traffic", "vector_bytes")),
            f"{decimal(per_parameter)} bytes per parameter, instead of {FLOAT32_BYTES:.0f}"
            if per_parameter is not None
            else "",
        ),
        Fact(
            "Received by a device in a round",
            _exactly(number(result, "traffic", "download_bytes_per_client_round")),
        ),
        Fact(
            "The model in the open",
            _exactly(plain),
            "as float32, the usual 4-byte number: what systems send that mask nothing",
        ),
        *stated(
            (
                Fact(
                    "Sent by a device in the whole study, at most",
                    size(life),
                    f"if it is asked in {count(most)} rounds, as often as the study allows",
                ),
            )
        ),
    )


def _exactly(byte_count: float | None) -> str:
    if byte_count is None or byte_count < 1_000:
        return size(byte_count)
    return f"{size(byte_count)} ({count(byte_count)}{SPACE}bytes)"


PROTOCOLS = {
    "secagg": "secure aggregation: contributions are masked, and the masks cancel in the sum",
    "one-upload": "one masked upload; helpers who do not work with the leader sum the masks",
    "plain": "NO SECURE AGGREGATION: the server saw every single contribution",
}  # what each protocol means


def server(result: Result) -> tuple[Fact, ...]:
    """The protocol that kept single contributions from the server, and how it went."""
    of = "secure_aggregation"
    exact = at(result, of, "exact")
    verdict = {True: "yes, integer for integer", False: "NO: the sums differed"}
    clients = number(result, of, "clients")
    through = number(result, of, "rounds_through_protocol")
    closed = number(result, "rounds", "closed")
    return stated(
        (
            Fact(
                "Protocol",
                text(result, of, "protocol"),
                PROTOCOLS.get(text(result, of, "protocol"), ""),
            ),
            Fact(
                "Rounds run message by message",
                f"{count(through)} of {count(closed)} closed" if through is not None else "",
                "the others were added directly by the simulator, without the messages"
                if through is not None and closed is not None and through < closed
                else "",
            ),
            Fact(
                "Devices in such a round",
                f"{count(clients)}, of which {count(number(result, of, 'dropped'))} dropped out"
                if clients is not None
                else "",
            ),
            Fact(
                "Sum equal to the plain sum of the survivors",
                verdict.get(exact, "") if isinstance(exact, bool) else "",
            ),
            Fact(
                "Threshold",
                count(number(result, of, "threshold")),
                "devices that must answer before any sum can be opened",
            ),
            Fact(
                "Bits per number",
                count(number(result, of, "lane_bits")),
                "of each masked number on the wire",
            ),
        )
    )


def left_out(result: Result, most: int) -> str:
    """What of the recordings is in no window, and how much of it; "" where nothing was left out.

    most: reasons to name, the commonest first; the others are counted.
    """
    found = [
        (text(one, "why"), number(one, "count") or 0.0)
        for one in items(result, "people", "left_out")
    ]
    found.sort(key=lambda pair: -pair[1])
    said = [f"{why} ({count(times)})" for why, times in found[:most]]
    if len(found) > most:
        rest = sum(times for _, times in found[most:])
        said.append(
            f"{counted(len(found) - most, 'other reason', 'other reasons')} ({count(rest)})"
        )
    gone = number(result, "people", "without_windows")
    if gone:
        said.append(f"{counted(gone, 'person', 'people')} without any window")
    return "; ".join(said)


def setup(result: Result) -> tuple[Fact, ...]:
    """What was run, so that someone else can run it again."""
    classes = [item for item in items(result, "classes") if isinstance(item, str)]
    folds = number(result, "people", "folds")
    seed = at(result, "study", "seed")  # as written: a seed of many digits is not rounded
    return stated(
        (
            Fact("Study", text(result, "study", "name")),
            Fact("Task", text(result, "study", "task")),
            Fact("Classes", ", ".join(classes)),
            Fact(
                "People",
                count(number(result, "people", "total")),
                f"{count(number(result, 'people', 'training'))} took part in training, "
                f"{count(number(result, 'people', 'new'))} are new to the model"
                + (f", over {count(folds)} folds" if folds is not None and folds > 1 else ""),
            ),
            Fact(
                "Left out",
                left_out(result, _MOST_REASONS),
                "recordings that the task cannot cut, by the reason; windows, where it says so",
            ),
            Fact(
                "Model",
                text(result, "model", "name"),
                f"{count(number(result, 'model', 'parameters'))} parameters",
            ),
            Fact("Rounds planned", count(number(result, "training", "rounds"))),
            Fact("Devices asked per round", count(number(result, "training", "clients_per_round"))),
            Fact("Local steps", count(number(result, "training", "local_steps"))),
            Fact("Learning rate", short(number(result, "training", "learning_rate"))),
            Fact("Seed", "" if seed is None else str(seed)),
            Fact("Time taken", duration(number(result, "time", "seconds"))),
            Fact("holter", text(result, "holter"), text(result, "format")),
        )
    )
