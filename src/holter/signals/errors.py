"""What can be wrong with recordings, said to whoever holds them. One line: cause and remedy."""

from __future__ import annotations


class DataError(ValueError):
    """Recordings that do not fit what was said of them; the message says what and how to mend it."""


class Unsupported(DataError):
    """A file whose kind is known, by name, and that holter does not read; the message says which."""


class ExtraMissing(DataError):
    """A format's library is not installed; the message names the extra that brings it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} need the extra {extra}: pip install 'holter[{extra}]'")
        self.extra = extra
