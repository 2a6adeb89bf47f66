"""Electrocardiograms beside an export of Apple Health, in the phone's language, whole and damaged."""

from __future__ import annotations

import numpy as np
import pytest
from tests.signals.readers.apple_export import ECG, PHONE, Q, export, read, record
from tests.signals.readers.shown import found, waveform

from holter.signals.recording import SECOND_NS


def test_electrocardiograms_beside_the_export_join_the_recording_of_the_watch() -> None:
    folder = "apple_health_export/"
    german = ECG.replace("Recorded Date", "Aufgezeichnet").replace("02-05", "02-06")
    german = german.replace("512 hertz", '"511,5 Hertz"').replace(".673", ",673")
    content = {
        folder + "export.xml": export(record(Q + "StepCount", "7", device=PHONE)),
        folder + "electrocardiograms/ecg_2024-02-05.csv": ECG.encode(),
        folder + "electrocardiograms/ecg_2024-02-06.csv": german.encode(),
        folder + "electrocardiograms/ecg_2024-02-07.csv": ECG.encode() + b"1.5\n\xff\xfe\n",
    }
    phone, watch = read(content)
    assert (phone.device_class, watch.device_class) == ("phone", "watch")
    ecg = waveform(watch, "ecg")
    first, second = ecg.segments
    assert (first.rate_hz, second.rate_hz) == (512.0, 511.5)
    assert first.values[:, 0] == pytest.approx([-0.048673, -0.059681])
    assert second.values[:, 0] == pytest.approx([-0.048673, -0.059681])
    assert second.start_ns - first.start_ns == 86_400 * SECOND_NS
    assert found(watch) == {"electrocardiograms that are damaged, left out": 1}
    assert "Maxine" not in repr([phone, watch])
    assert "1952" not in repr([phone, watch])


def test_electrocardiograms_alone_are_read_and_their_odd_lines_are_masked() -> None:
    (watch,) = read({"ecg.csv": ECG.encode() + b"12.5.1\n40000\n"})
    ecg = waveform(watch, "ecg")
    assert np.isnan(ecg.segments[0].values[:, 0]).tolist() == [False, False, True, True]
    assert found(watch) == {"impossible values, masked": 1}


def test_an_electrocardiogram_of_an_impossible_day_is_left_out_and_counted() -> None:
    odd = ECG.replace("2024-02-05", "2024-02-35")
    (watch,) = read({"a.csv": ECG.encode(), "b.csv": odd.encode()})
    assert len(waveform(watch, "ecg").segments) == 1
    assert found(watch)["samples with an impossible time or rate, left out"] == 2
