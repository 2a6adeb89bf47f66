"""Every format, in the order in which they are tried: those that leave no doubt come first.

Binary formats have marks of their own, then come containers of text that name themselves, then
tables that are told by their header, and last the raw text of research sets. ``mapped`` claims
nothing here: where the holder gives a mapping, ``recognise`` tries the tables that it fits first.
"""

from __future__ import annotations

from holter.signals.readers import (
    accelerometer,
    actigraph_csv,
    actiwatch,
    apple_health,
    edf,
    embraceplus,
    empatica_e4,
    fhir,
    fit,
    fitabase,
    fitbit,
    gadgetbridge,
    mapped,
    matrix,
    physionet,
    research_text,
    vendor,
)
from holter.signals.readers.formats import Format

FORMATS: tuple[Format, ...] = (
    mapped.FORMAT,
    fit.FORMAT,
    *accelerometer.FORMATS,
    *matrix.FORMATS,
    edf.FORMAT,
    embraceplus.FORMAT,
    gadgetbridge.FORMAT,
    physionet.FORMAT,
    apple_health.FORMAT,
    fhir.FORMAT,
    fitbit.FORMAT,
    fitabase.FORMAT,
    empatica_e4.FORMAT,
    actigraph_csv.FORMAT,
    *actiwatch.FORMATS,
    *vendor.FORMATS,
    *research_text.FORMATS,
)
