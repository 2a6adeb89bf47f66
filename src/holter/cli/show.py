"""What a terminal shows: a live line while a run goes on, a screen at its end.

On a terminal the display is live (rich); into a pipe or a file it is plain lines.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from holter.cli.calls import OnRound, Run, Stage
from holter.dash.facts import left_out
from holter.dash.numbers import epsilon as shown_epsilon
from holter.rounds.journal import RoundRecord

_MOST_REASONS = 3  # for one line
ARMS = (
    ("local_only", "learning alone"),
    ("global_later", "federated"),
    ("personalised", "federated + fitted"),
)


@contextmanager
def watching(console: Console) -> Iterator[OnRound]:
    """A callback that shows each round: live on a terminal, else in plain lines."""
    line = _Line()
    if not console.is_terminal:

        def plain(record: RoundRecord, stage: Stage) -> None:
            counts, news = line.of(record, stage)
            if record.accuracy is not None or record.reason is not None or line.at_an_end:
                console.print(f"{line.where}: {counts} · {news}", highlight=False, soft_wrap=True)

        console.print("reading and preparing people")
        yield plain
        return
    bar = Progress(TextColumn("{task.description}"), BarColumn(bar_width=None))
    task = bar.add_task("reading and preparing people", total=None)
    details = Text()

    def live(record: RoundRecord, stage: Stage) -> None:
        counts, news = line.of(record, stage)
        bar.update(task, completed=line.done, total=line.total, description=line.where)
        details.plain = f"{counts}\n{news}"

    with Live(Group(bar, details), console=console, transient=True, refresh_per_second=8):
        yield live


class _Line:
    """What is said of a round, and where in the run it stands."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._first = 0
        self._accuracy: float | None = None
        self.done, self.total, self.where = 0, 0, ""

    def of(self, record: RoundRecord, stage: Stage) -> tuple[str, str]:
        """(counts, news): who took part; accuracy on new people, epsilon, time left."""
        self.total = stage.trainings * stage.rounds
        self.done = stage.training * stage.rounds + record.round
        if not self._first:
            # The first round of a sitting comes after all preparation; later ones tell the pace.
            self._first, self._began = self.done, time.monotonic()
        which = f"training {stage.training + 1}/{stage.trainings}, " if stage.trainings > 1 else ""
        self.where = f"{which}round {record.round}/{stage.rounds}"
        counts = f"asked {record.asked}, reported {record.reported}, dropped {record.dropped}"
        if record.reason is not None:
            counts += f", ABANDONED: {record.reason}"
        self._accuracy = record.accuracy if record.accuracy is not None else self._accuracy
        news = [] if self._accuracy is None else [f"new people {self._accuracy:.1%}"]
        if record.epsilon is None:
            news.append("NOT PRIVATE")
        else:
            news.append(f"epsilon {shown_epsilon(record.epsilon)} so far")
        if self.done > self._first:
            pace = (time.monotonic() - self._began) / (self.done - self._first)
            news.append(f"{pace * (self.total - self.done):.0f} s left")
        return counts, " · ".join(news)

    @property
    def at_an_end(self) -> bool:
        """The first round of this sitting, or the last of all."""
        return self.done in (self._first, self.total)


def screen(console: Console, run: Run) -> None:
    """The end of a run on one screen."""
    result = run.result
    banner = Text()
    if result["synthetic"]:
        banner.append("SYNTHETIC PEOPLE. ", style="bold yellow")
    banner.append("SIMULATION: nobody is protected by this run.", style="bold")
    if result["privacy"]["meant_for"] is not None:
        people = result["privacy"]["meant_for"]["population"]
        banner.append(f" WHAT-IF: a few people with the noise of {people:,}.", style="bold yellow")
    if result["rounds"]["stopped"] is not None:
        banner.append(f" STOPPED EARLY: {result['rounds']['stopped']}.", style="bold yellow")
    if result["split"] != "people":
        banner.append(
            " LEAKING SPLIT: windows were split at random, nobody is new, no score is real.",
            style="bold red",
        )
    if result["privacy"]["mode"] == "none":
        banner.append(" NOT PRIVATE: privacy.mode is none.", style="bold red")
    if result["secure_aggregation"]["protocol"] == "plain":
        banner.append(
            " NO SECURE AGGREGATION: the server saw every contribution.", style="bold red"
        )
    console.print(banner)
    console.print(comparison(result["evaluation"]))
    if result["evaluation"]["alarm"] is not None:
        console.print(alarm(result["evaluation"]["alarm"]))
    missing = left_out(result, _MOST_REASONS)
    if missing:
        console.print(Text(f"left out: {missing}"), soft_wrap=True)
    for title, text in _facts(result):
        console.print(Panel(text, title=title, title_align="left", padding=(0, 1)))
    console.print(f"report: {run.report}", highlight=False, soft_wrap=True)


def comparison(evaluation: Mapping[str, Any]) -> Table:
    """Three arms on the same later windows, and new people on all of theirs."""
    table = Table(title="accuracy per person, new people", title_justify="left", title_style="bold")
    for column in ("", "mean", "10th pct", "worst", "macro-F1", "people"):
        table.add_column(
            column, justify="left" if not column else "right", no_wrap=True, min_width=len(column)
        )
    rows = [(name, evaluation[key]) for key, name in ARMS if evaluation.get(key) is not None]
    if rows:
        table.add_row("on the same later windows", style="dim")
    for name, block in rows:
        table.add_row(f"  {name}", *_cells(block))
    table.add_section()
    table.add_row("on all windows", style="dim")
    table.add_row("  federated", *_cells(evaluation["new_people"]))
    return table


def alarm(levels: Sequence[Mapping[str, Any]]) -> Table:
    """What the alarm would do to new people, by the probability from which it is raised.

    Rates are false alarms an hour: over all people, of the median person, of the 90th percentile
    and of the worst.
    """
    about = levels[0]
    table = Table(
        title=f"alarm on new people: {about['events']:,} events, {about['hours']:.1f} hours without",
        title_justify="left",
        title_style="bold",
    )
    for column in ("raised\nfrom", "events\nmissed", "false alarms\nan hour: all",
                   "median\nperson", "90th\npct", "worst\nperson"):  # fmt: skip
        table.add_column(column, justify="right", no_wrap=True)
    for level in levels:
        table.add_row(
            f"{level['level']:.4g}",
            "" if level["missed_share"] is None else f"{level['missed_share']:.1%}",
            *("" if level[k] is None else f"{level[k]:.2f}"
              for k in ("per_hour", "person_median_per_hour", "person_p90_per_hour",
                        "person_most_per_hour")),
        )  # fmt: skip
    return table


def _cells(block: Mapping[str, Any]) -> tuple[str, ...]:
    people = block["per_person"]["accuracy"]
    shares = (f"{people[key]:.1%}" for key in ("mean", "p10", "min"))
    return (*shares, f"{block['macro_f1']:.3f}", str(block["people"]))


def _facts(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    traffic, secure, rounds = result["traffic"], result["secure_aggregation"], result["rounds"]
    if traffic["upload_bytes_per_client_round"] is not None:
        yield (
            "what left a device in a round",
            f"{traffic['upload_bytes_per_client_round']:,} bytes up, of which the masked update "
            f"{traffic['vector_bytes']:,} ({traffic['bytes_per_parameter']:.2f} a parameter; as "
            f"plain floats {traffic['float32_bytes']:,}); "
            f"{traffic['download_bytes_per_client_round']:,} bytes down with the model. "
            "No recording, no feature, no update in clear.",
        )
    through = (
        "nothing went through secure aggregation"
        if secure["protocol"] == "plain"
        else f"{secure['rounds_through_protocol']} carried message by message through secure "
        "aggregation and compared: its sum equals the direct sum exactly, and was applied"
        if secure["rounds_through_protocol"]
        else "none was carried message by message; the same integers were added directly"
    )
    yield (
        "what the server saw",
        f"{secure['server_saw'][0].upper()}{secure['server_saw'][1:]}. "
        f"{rounds['closed']} rounds closed, {rounds['abandoned']} abandoned; {through}.",
    )
    yield "privacy", result["privacy"]["statement"]
