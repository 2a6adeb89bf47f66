"""Public sets that a researcher has downloaded -> one file of windows that a study reads.

``SETS`` holds them by name. ``layout`` says what a set is and finds its files; a module a set
knows its published layout; ``arrays_only`` reads pickles of arrays without unpickling.
docs/sets.md is for people. Read ``layout``, then ``uci_har``.
"""

from __future__ import annotations

from collections.abc import Mapping

from holter.signals.sets.layout import Archive, Note, PublishedSet, check_archive
from holter.signals.sets.pamap2 import PAMAP2, PAMAP2_OPTIONAL
from holter.signals.sets.ppg_dalia import PPG_DALIA
from holter.signals.sets.sleep_accel import SLEEP_ACCEL
from holter.signals.sets.uci_har import UCI_HAR
from holter.signals.sets.wesad import WESAD

SETS: Mapping[str, PublishedSet] = {
    one.name: one for one in (UCI_HAR, PAMAP2, PAMAP2_OPTIONAL, WESAD, PPG_DALIA, SLEEP_ACCEL)
}

__all__ = ["SETS", "Archive", "Note", "PublishedSet", "check_archive"]
