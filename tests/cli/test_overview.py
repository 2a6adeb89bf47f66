"""One line a recording: nothing is wider than the terminal and names can be told apart."""

from __future__ import annotations

from typing import Any

import pytest

from holter.cli.overview import lines

TASKS = ("activity", "fall-alarm", "sleep-stages", "stress")


def facts(files: str, source: str = "Axivity (AX3)", *feeds: str, **more: Any) -> dict[str, Any]:
    return {
        "files": files.split(),
        "source": source,
        "zone": "Europe/Berlin",
        "start": "2026-03-01T22:00:00Z",
        "hours": 0.0402,
        "channels": [{}, {}, {}],
        "findings": [{"count": 1_000}, {"count": 5}],
        "tasks": [{"task": t, "why_not": None if t in feeds else "no ecg"} for t in TASKS],
        **more,
    }


MANY = [
    facts("night/ax3_testfile_corrupt_blocks_0_13_14.cwa", "Axivity (AX3)", "activity"),
    facts("day/a.csv day/b.csv", "An unusually long name of a device and an app", *TASKS),
    facts("day/1.hea", "WFDB"),
]


def test_a_wide_terminal_shows_everything() -> None:
    head, _, record, day, _, night = lines(
        [*MANY[1:], facts("night/a.cwa", "Axivity", "stress")], 200
    )
    source = "An unusually long name of a device and an app"
    when = "2026-03-01 23:00  2.4 min         3     1,005"
    assert head == (
        f"  files     {'source':{len(source)}}  from                lasts  channels  findings  can feed"
    )
    assert record == f"  1.hea     {'WFDB':{len(source)}}  {when}"
    assert day == f"  a.csv +1  {source}  {when}  activity, fall-alarm, sleep-stages, stress"
    assert night == f"  a.cwa     {'Axivity':{len(source)}}  {when}  stress"


def test_a_terminal_of_80_shortens_names_and_goes_on_below() -> None:
    assert lines(MANY, 80) == [
        "  files                 source             lasts  channels  can feed",
        "day/",
        "  1.hea                 WFDB             2.4 min         3",
        "  a.csv +1              An unusually l…  2.4 min         3  activity,",
        "                                                            fall-alarm,",
        "                                                            sleep-stages, stress",
        "night/",
        "  ax3_tes…_0_13_14.cwa  Axivity (AX3)    2.4 min         3  activity",
    ]


@pytest.mark.parametrize("width", [80, 81, 97, 110, 120, 140, 163, 200, 500])
def test_no_line_is_longer_than_the_terminal_and_nothing_that_it_feeds_is_cut(width: int) -> None:
    told = lines(MANY, width)
    assert max(len(line) for line in told) <= width
    words = " ".join(told).split()
    assert [words.count(word) for word in ("fall-alarm,", "sleep-stages,", "stress")] == [1, 1, 1]


def test_people_of_one_file_have_a_line_each_and_the_file_is_named_once() -> None:
    people = [facts("table.csv", "Fitabase", person=name) for name in ("P1", "P2", "")]
    told = lines([*people, facts("other.csv", "Fitabase", person="P1")], 80)
    assert not any(line.endswith("/") for line in told) and told[0].startswith("files")
    assert [line.split()[0] for line in told[1:]] == ["other.csv", "table.csv", "P2", "2026-03-01"]


def test_a_file_of_the_same_name_in_another_folder_is_named_again() -> None:
    told = lines([facts("a/ACC.csv"), facts("b/ACC.csv")], 80)
    assert [line.split()[0] for line in told] == ["files", "a/", "ACC.csv", "b/", "ACC.csv"]
