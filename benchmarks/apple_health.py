"""Apple Health: memory and time to read a large export, all of it SYNTHETIC.

    python benchmarks/apple_health.py --megabytes 1000

The text is made up here, row by row, into a temporary folder: heart rates, steps of watch and
phone, energy, variability with its beats, sleep, and types that are not read, in the mixture and
with the long attributes of an export. A child process reads it, so that its peak memory is that
of reading alone, the interpreter and numpy included.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

_WATCH = (
    'sourceName="SYNTHETIC Watch" sourceVersion="10.3" device="&lt;&lt;HKDevice: 0x0&gt;, '
    "name:Apple Watch, manufacturer:Apple Inc., model:Watch, hardware:Watch6,1, "
    'software:10.3&gt;"'
)
_PHONE = (
    'sourceName="SYNTHETIC iPhone" sourceVersion="17.3" device="&lt;&lt;HKDevice: 0x0&gt;, '
    "name:iPhone, manufacturer:Apple Inc., model:iPhone, hardware:iPhone14,5, "
    'software:17.3&gt;"'
)
_START = datetime.datetime(2015, 1, 1)
_READ = """
import json, resource, sys, time
from pathlib import Path
from holter.device.files import opened
from holter.signals.readers.apple_health import FORMAT
from holter.signals.readers.formats import Options
from holter.signals.recording import Series
began = time.perf_counter()
with opened(Path(sys.argv[1])) as files:
    (group,) = FORMAT.claims(files, files.names)
    recordings = FORMAT.read(files, group, Options())
rows = {
    f"{one.device_class or 'other'} {name}": len(channel.time_ns)
    for one in recordings
    for name, channel in one.channels.items()
    if isinstance(channel, Series)
}
print(json.dumps({
    "seconds": time.perf_counter() - began,
    "busy": time.process_time(),
    "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "rows": rows,
}))
"""


def _record(type_: str, who: str, unit: str, at: str, until: str, value: str) -> str:
    return (
        f' <Record type="HK{type_}" {who} unit="{unit}" creationDate="{until}" '
        f'startDate="{at}" endDate="{until}" value="{value}"/>\n'
    )


def _rows() -> Iterator[str]:
    """A made-up life, six minutes a turn, without end."""
    quantity = "QuantityTypeIdentifier"
    turn = 0
    while True:
        moment = _START + datetime.timedelta(minutes=6 * turn)
        at = [
            (moment + datetime.timedelta(seconds=s)).strftime("%Y-%m-%d %H:%M:%S +0100")
            for s in (0, 60, 120, 180, 240, 300)
        ]
        for number in range(3):
            rate = str(55 + (turn * 7 + number) % 60)
            yield _record(quantity + "HeartRate", _WATCH, "count/min", at[number], at[number], rate)
        yield _record(quantity + "StepCount", _WATCH, "count", at[0], at[3], str(turn % 300))
        yield _record(quantity + "StepCount", _PHONE, "count", at[1], at[4], str(turn % 280))
        yield _record(quantity + "ActiveEnergyBurned", _WATCH, "kcal", at[0], at[1], "1.25")
        yield _record(quantity + "AppleWalkingSteadiness", _PHONE, "%", at[0], at[5], "0.9")
        if turn % 40 == 0:
            yield (
                _record(
                    quantity + "HeartRateVariabilitySDNN", _WATCH, "ms", at[0], at[1], "44.6"
                ).replace("/>", ">")
                + "  <HeartRateVariabilityMetadataList>\n"
                + "".join(
                    f'   <InstantaneousBeatsPerMinute bpm="{60 + beat % 9}" '
                    f'time="{at[0][11:17]}{beat:02}.50"/>\n'
                    for beat in range(55)
                )
                + "  </HeartRateVariabilityMetadataList>\n </Record>\n"
            )
            yield (
                f' <Record type="HKCategoryTypeIdentifierSleepAnalysis" {_WATCH} '
                f'creationDate="{at[5]}" startDate="{at[0]}" endDate="{at[5]}" '
                'value="HKCategoryValueSleepAnalysisAsleepCore"/>\n'
            )
        turn += 1


def _write(path: Path, megabytes: int) -> None:
    """The text of an export of this size, in pieces."""
    left = megabytes * 1_000_000
    with path.open("w", encoding="utf-8") as out:
        out.write('<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE HealthData [\n')
        out.write("<!ELEMENT HealthData ANY>\n]>\n")
        out.write('<HealthData locale="en_GB">\n <!-- SYNTHETIC: nobody was recorded -->\n')
        piece: list[str] = []
        for row in _rows():
            piece.append(row)
            left -= len(row)
            if len(piece) == 10_000 or left <= 0:
                out.writelines(piece)
                piece.clear()
            if left <= 0:
                break
        out.write("</HealthData>\n")


def main() -> None:
    """Write it, read it in a child process, say what that took."""
    words = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    words.add_argument("--megabytes", type=int, default=1000, help="size of the export")
    megabytes = words.parse_args().megabytes
    with tempfile.TemporaryDirectory(prefix="holter-") as folder:
        path = Path(folder) / "export.xml"
        _write(path, megabytes)
        child = subprocess.run(
            [sys.executable, "-c", _READ, str(path)], check=True, capture_output=True, text=True
        )
    took = json.loads(child.stdout)
    rows = sum(took["rows"].values())
    print(
        f"a SYNTHETIC export of {megabytes} MB: {took['seconds']:.1f} s "
        f"({took['busy']:.1f} s of the processor, {megabytes / took['busy']:.0f} MB/s), peak {took['peak_mib']:.0f} MiB resident, "
        f"{rows:,} rows"
    )
    for name, count in sorted(took["rows"].items()):
        print(f"  {count:>10,}  {name}")


if __name__ == "__main__":
    main()
