"""Where the server stands: one type for each phase, holding only what exists then.

    Joining -> Sharing -> Masking -> Endorsing -> Unsealing -> Summed

A masked vector is held until the survivors are fixed, and from then on only their sum.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from holter.algebra.ring import Words
from holter.crypto.signature import SigningKey
from holter.secagg.messages import Endorsement, MaskedHeader, Shares, Terms, Unmasking
from holter.secagg.roster import RosterTable, Row
from holter.secagg.session import Session, set_of


class Outbox(Mapping[int, bytes]):
    """Roster index -> message for that client, made when it is asked for.

    A thousand rosters of a hundred kilobytes need not lie in memory at once.
    """

    def __init__(self, recipients: tuple[int, ...], make: Callable[[int], bytes]) -> None:
        self._recipients = dict.fromkeys(recipients)
        self._make = make

    def __getitem__(self, index: int) -> bytes:
        if index not in self._recipients:
            raise KeyError(index)
        return self._make(index)

    def __iter__(self) -> Iterator[int]:
        return iter(self._recipients)

    def __len__(self) -> int:
        return len(self._recipients)


@dataclass(frozen=True)
class Joining:
    """M0 are coming in. ``rows``: by device key."""

    session: Session
    key: SigningKey
    rows: Mapping[bytes, Row] = field(default_factory=dict)


@dataclass(frozen=True)
class Sharing:
    """The roster is out; M2 are coming in. ``sealed``: dealer -> (message, shares)."""

    session: Session
    key: SigningKey
    rows: tuple[Row, ...]
    roster: RosterTable
    terms: Terms
    quorum: int
    neighbours: tuple[tuple[int, ...], ...]
    sealed: Mapping[int, tuple[bytes, Shares]] = field(default_factory=dict, repr=False)

    @property
    def threshold(self) -> int:
        """Shares that open one secret."""
        return self.terms.threshold

    def position(self, of: int, among: int) -> int:
        """Where ``of`` stands among the neighbours of ``among``."""
        return bisect_left(self.neighbours[among], of)


@dataclass(frozen=True)
class Input:
    """What a client signed beside its vector. complaints: roster indices, out of its bitmap."""

    signed: bytes
    payload: bytes
    header: MaskedHeader
    complaints: frozenset[int]

    @classmethod
    def of(cls, signed: bytes, payload: bytes, neighbours: tuple[int, ...]) -> Input:
        """Raises ValueError for a malformed header or bitmap."""
        header = MaskedHeader.parse(payload)
        positions = set_of(header.complaints, len(neighbours))
        return cls(signed, payload, header, frozenset(neighbours[p] for p in positions))


@dataclass(frozen=True)
class Masking:
    """U2 is out; M4 are coming in."""

    before: Sharing
    mask_set: frozenset[int]
    inputs: Mapping[int, Input] = field(default_factory=dict, repr=False)
    vectors: Mapping[int, Words] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Endorsing:
    """U3 is out; M6 are coming in. total: sum of the survivors' masked vectors."""

    before: Masking
    survivors: frozenset[int]
    total: Words = field(repr=False)
    endorsement: Endorsement
    endorsements: Mapping[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Unsealing:
    """The quorum is out; M8 are coming in. ``released``: holder -> its shares, never shown."""

    before: Endorsing
    endorsers: tuple[int, ...]
    released: Mapping[int, tuple[bytes, Unmasking]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Blame:
    """A client that provably lied, by roster index, and about what."""

    client: int
    reason: str


@dataclass(frozen=True)
class Summed:
    """The exact sum of the survivors' vectors, modulo 2^64 a word, and who they were.

    result: M9, the same for every survivor. transcript: what it names, signed.
    """

    words: Words
    roster: RosterTable
    mask_set: frozenset[int]
    survivors: frozenset[int]
    threshold: int
    blamed: tuple[Blame, ...]
    result: bytes
    transcript: bytes


State = Joining | Sharing | Masking | Endorsing | Unsealing
