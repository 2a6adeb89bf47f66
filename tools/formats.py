"""The tables of docs/formats.md, from the catalogue and from reading every sample anew.

python tools/formats.py            check; exit 1 says what differs
python tools/formats.py --write    write both tables anew

The samples lie under HOLTER_DATA/format_samples. Without them the second table is not checked,
which is an error where CI is set.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holter.cli.data import rate
from holter.cli.inspecting import NotRead, inspect, options
from holter.signals.readers.catalogue import FORMATS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "formats.md"
FORMATS_BEGIN, FORMATS_END = (
    "<!-- formats: written by tools/formats.py -->",
    "<!-- end of formats -->",
)
SAMPLES_BEGIN, SAMPLES_END = (
    "<!-- samples: written by tools/formats.py -->",
    "<!-- end of samples -->",
)
MOST_NAMES = 3

ORIGINAL = "original samples"
TESTED: Mapping[str, str] = {  # how we know that a reader reads it
    "mapped": "files made here: CSV, gzipped CSV, Parquet by pyarrow, NPZ by numpy",
    "fit": f"{ORIGINAL}, two of them broken; small files made from the protocol",
    "gt3x": ORIGINAL,
    "geneactiv": ORIGINAL,
    "axivity": f"{ORIGINAL}, one with damaged blocks",
    "matrix": f"{ORIGINAL}; packets made from the maker's layout",
    "edf": "no original at hand: files that pyedflib wrote, then damaged",
    "embraceplus": "no original at hand: files that fastavro wrote from the device's schema",
    "gadgetbridge": "no original at hand: databases with the tables that the app creates",
    "wfdb": f"{ORIGINAL}, compared with wfdb",
    "apple-health": "a synthetic export with the real element and attribute names",
    "fhir": "no original at hand: Observations in the published form of HL7",
    "fitbit-archive": f"{ORIGINAL} (JSON); CSV files after Fitbit's own description",
    "fitabase": ORIGINAL,
    "empatica-e4": ORIGINAL,
    "actigraph-csv": ORIGINAL,
    "actiware-csv": ORIGINAL,
    "awd": ORIGINAL,
    "oura": "no original at hand: tables with the documented columns",
    "whoop": "no original at hand: tables with the documented columns",
    "withings": "no original at hand: tables with the documented columns",
    "samsung": "no original at hand: tables with the documented columns",
    "sisfall": ORIGINAL,
    "hmp": ORIGINAL,
    "walch": ORIGINAL,
    "wisdm-arff": f"{ORIGINAL}: recognised, and refused with a reason",
}


def formats_table() -> str:
    """Every format of the catalogue, the extra that it needs and how it was tested."""
    lines = ["| format | what it is | extra | tested with |", "|---|---|---|---|"]
    for form in FORMATS:
        extra = f"`{form.extra}`" if form.extra else ""
        what = form.title if form.unsupported is None else f"{form.title} (not read)"
        lines.append(f"| `{form.name}` | {what} | {extra} | {TESTED[form.name]} |")
    return "\n".join(lines)


def samples_table(samples: Path) -> str:
    """What ``holter data inspect`` finds in each group of files of the samples."""
    lines = ["| sample | format | channels: values, rate | counted |", "|---|---|---|---|"]
    unknown: list[str] = []
    for folder in sorted(path for path in samples.iterdir() if path.is_dir()):
        found = inspect(folder, options(None, None))
        groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for recording in found.recordings:
            groups.setdefault(tuple(recording["files"]), []).append(recording)
        for names, recordings in groups.items():
            lines.append(_row(folder.name, names, recordings))
        lines += [_refused(folder.name, one) for one in found.met.not_read]
        unknown += [f"{folder.name}/{name}" for name in found.met.unknown]
    lines += ["", f"Of no format, and passed over: {', '.join(f'`{name}`' for name in unknown)}."]
    return "\n".join(lines)


def _row(folder: str, names: tuple[str, ...], recordings: list[dict[str, Any]]) -> str:
    first = recordings[0]
    people = f", {len(recordings)} people" if len(recordings) > 1 else ""
    channels: dict[str, list[Any]] = {}
    for channel in (channel for recording in recordings for channel in recording["channels"]):
        held = channels.setdefault(channel["name"], [0, rate(channel)])
        held[0] += channel.get("rows", channel.get("samples"))
    told = [f"`{name}` {count:,}{_at(often)}" for name, (count, often) in channels.items()]
    findings: Counter[str] = Counter()
    for finding in first["findings"]:
        findings[finding["what"]] += finding["count"]
    counted = [f"{count:,} {what}" for what, count in findings.items()]
    cells = (_files(folder, names), f"{first['source']}{people}", "<br>".join(told))
    return f"| {' | '.join(cells)} | {'<br>'.join(counted)} |"


def _refused(folder: str, one: NotRead) -> str:
    return f"| {_files(folder, one.names)} | {one.format} | not read: {_cell(one.why)} | |"


def _at(often: str) -> str:
    return f", {often}" if often else ""


def _files(folder: str, names: tuple[str, ...]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{folder}: {_cell(', '.join(names[:MOST_NAMES]))}{more}"


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


def between(text: str, begin: str, end: str, table: str) -> str:
    """``text`` with a table between two marks."""
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{table}\n\n{end}{after}"


def main() -> int:
    found = PAGE.read_text(encoding="utf-8")
    wanted = between(found, FORMATS_BEGIN, FORMATS_END, formats_table())
    samples = (
        Path(os.environ.get("HOLTER_DATA", ROOT.parent / "shared" / "data")) / "format_samples"
    )
    if samples.is_dir():
        wanted = between(wanted, SAMPLES_BEGIN, SAMPLES_END, samples_table(samples))
    else:
        print("formats: the samples are not on this machine (set HOLTER_DATA); not checked")
        if os.environ.get("CI"):
            return 1
    if "--write" in sys.argv:
        PAGE.write_text(wanted, encoding="utf-8")
    elif wanted != found:
        print("docs/formats.md: tables differ from the code; run tools/formats.py --write")
        return 1
    print("formats: nothing differs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
