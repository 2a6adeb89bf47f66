"""Small exports of Apple Health, made up here: nobody was measured."""

from __future__ import annotations

from holter.signals.readers.apple_health import FORMAT
from holter.signals.readers.files import MemoryFiles
from holter.signals.readers.formats import Options
from holter.signals.recording import Recording

Q = "HKQuantityTypeIdentifier"
WATCH = "&lt;&lt;HKDevice: 0x28&gt;, name:Apple Watch, manufacturer:Apple Inc., model:Watch&gt;"
PHONE = "&lt;&lt;HKDevice: 0x29&gt;, name:iPhone, manufacturer:Apple Inc., model:iPhone&gt;"
DTD = """<!DOCTYPE HealthData [
<!-- HealthKit Export Version: 14 -->
<!ELEMENT HealthData (ExportDate,Me,(Record|Correlation|Workout)*)>
<!ATTLIST HealthData locale CDATA #REQUIRED>
<!ELEMENT Record ((MetadataEntry|HeartRateVariabilityMetadataList)*)>
<!ATTLIST Record type CDATA #REQUIRED unit CDATA #IMPLIED value CDATA #IMPLIED>
]>
"""
ECG = """Name,Maxine Muster
Date of Birth,"5 Feb 1952"
Recorded Date,2024-02-05 09:14:40 -0400
Classification,Sinus Rhythm
Symptoms,
Software Version,1.90
Device,"Watch6,2"
Sample Rate,512 hertz


Lead,Lead I
Unit,µV

-48.673
-59.681
"""


def export(*rows: str, dtd: str = DTD) -> bytes:
    body = "\n ".join(rows)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{dtd}<HealthData locale="de_DE">\n'
        ' <Me HKCharacteristicTypeIdentifierDateOfBirth="1980-01-01"/>\n'
        f" {body}\n</HealthData>\n"
    ).encode()


def record(
    type_: str,
    value: str,
    unit: str = "count",
    at: str = "2024-03-04 21:00:00 +0100",
    until: str | None = None,
    device: str = WATCH,
    source: str = "Maxines Apple Watch",
) -> str:
    device = f'device="{device}" ' if device else ""
    return (
        f'<Record type="{type_}" sourceName="{source}" {device}unit="{unit}" '
        f'creationDate="{at}" startDate="{at}" endDate="{until or at}" value="{value}"/>'
    )


def read(content: dict[str, bytes]) -> list[Recording]:
    files = MemoryFiles(content)
    (group,) = FORMAT.claims(files, files.names)
    return FORMAT.read(files, group, Options())


def read_one(*rows: str, dtd: str = DTD) -> Recording:
    (recording,) = read({"export.xml": export(*rows, dtd=dtd)})
    return recording
