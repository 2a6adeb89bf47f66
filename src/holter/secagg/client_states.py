"""Where a client stands: one type for each phase, holding only what exists then.

    Advertised -> Seated -> Shared -> Opened -> Sent -> Endorsed -> Released

Secrets are in the states only and ``repr`` shows none; records hold none. After a restart
there is no state to go back to, only ``Restarted`` (``client.recover``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from holter.crypto.signature import SigningKey
from holter.secagg.keys import Secrets
from holter.secagg.messages import Advertisement, Endorsement
from holter.secagg.roster import Place, RosterTable
from holter.secagg.session import Session


@dataclass(frozen=True)
class Step:
    """Make ``record`` durable, then send ``message``. Never the other way round.

    ``repr`` shows nothing: in M8 both hold shares of other clients' secrets.
    """

    record: bytes = field(repr=False)
    message: bytes = field(repr=False)


@dataclass(frozen=True)
class Advertised:
    """M0 is out."""

    session: Session
    identity: SigningKey
    secrets: Secrets
    own: Advertisement


@dataclass(frozen=True)
class Seated:
    """One roster is accepted, for good: my place on it and what follows from it."""

    session: Session
    identity: SigningKey
    secrets: Secrets
    place: Place

    @property
    def roster(self) -> RosterTable:
        """Everyone on the roster."""
        return self.place.table

    @property
    def me(self) -> int:
        """My index."""
        return self.place.me

    @property
    def neighbours(self) -> tuple[int, ...]:
        """With whom I mask, in order."""
        return tuple(self.place.peers)

    @property
    def threshold(self) -> int:
        """Shares that open one secret."""
        return self.place.threshold


@dataclass(frozen=True)
class Shared:
    """M2 is out. agreed: Z of each channel; pair_seeds: s_ij of each edge."""

    seat: Seated
    agreed: Mapping[int, bytes] = field(repr=False)
    pair_seeds: Mapping[int, bytes] = field(repr=False)


@dataclass(frozen=True)
class Opened:
    """The mask set is known. held: (seed share, key share) of each dealer whose seal was good."""

    seat: Seated
    mask_set: frozenset[int]
    held: Mapping[int, tuple[bytes, bytes]] = field(repr=False)
    pair_seeds: Mapping[int, bytes] = field(repr=False)

    @property
    def masked_with(self) -> tuple[int, ...]:
        """Neighbours in the mask set, whether or not their seals were good."""
        return tuple(peer for peer in self.seat.neighbours if peer in self.mask_set)


@dataclass(frozen=True)
class Sent:
    """M4 is out: the update is spent."""

    opened: Opened
    header: bytes


@dataclass(frozen=True)
class Endorsed:
    """M6 is out: this client stands by one survivor set."""

    opened: Opened
    survivors: frozenset[int]
    endorsement: Endorsement


@dataclass(frozen=True)
class Released:
    """M8 is out. Nothing secret is left here, only what a result is checked with."""

    session: Session
    roster_root: bytes
    sid: bytes
    endorsement: Endorsement


@dataclass(frozen=True)
class Receipt:
    """M9 is in: hashes of the sum and of the transcript, as the server signed them."""

    released: Released
    sum_hash: bytes
    transcript_hash: bytes


@dataclass(frozen=True)
class Restarted:
    """A client whose process died: it may repeat its last message, and no more."""

    kind: str
    message: bytes = field(repr=False)
