"""What a reader made, as the tests of readers look at it."""

from __future__ import annotations

from holter.signals.recording import Recording, Series, Waveform


def series(recording: Recording, name: str) -> Series:
    channel = recording.channels[name]
    assert isinstance(channel, Series)
    return channel


def waveform(recording: Recording, name: str) -> Waveform:
    channel = recording.channels[name]
    assert isinstance(channel, Waveform)
    return channel


def found(recording: Recording) -> dict[str, int]:
    """Findings -> how often."""
    return {finding.what: finding.count for finding in recording.findings}


def told(recording: Recording) -> str:
    """Findings in one line."""
    return "; ".join(f"{f.what} ({f.count})" for f in recording.findings)
