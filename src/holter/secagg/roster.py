"""The roster: who advertised, in the order of their device keys, checked row by row.

Client and server use the same check, so no client accepts a roster that another would
refuse. A row is accepted only with a credential of the registrar and a signature of the
device it names; a device key that stands twice sinks the whole roster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from holter.crypto import agreement, labels, merkle, signature
from holter.secagg.errors import CoordinatorFault, PeerFault
from holter.secagg.messages import ADVERTISEMENT_LIMIT, Advertisement
from holter.secagg.session import Session
from holter.wire.cbor import Malformed

CheckCredential = Callable[[bytes], bytes]
"""Credential bytes -> the enrolled device's Ed25519 key; raises ValueError if not enrolled."""


@dataclass(frozen=True)
class Row:
    """One client: its device key, its advertisement and the very bytes it signed."""

    device_key: bytes
    advertisement: Advertisement
    message: bytes


@dataclass(frozen=True)
class RosterTable:
    """All rows in order of device key, their Merkle root and the session bound to it."""

    rows: tuple[Row, ...]
    root: bytes
    sid: bytes

    def __len__(self) -> int:
        return len(self.rows)

    def others(self, me: int) -> list[int]:
        """Every index but mine, in order."""
        return [index for index in range(len(self.rows)) if index != me]


def read_advertisement(message: bytes, session: Session, check: CheckCredential) -> Row:
    """M0 -> Row. Raises PeerFault if it is malformed, not enrolled or not signed by its key.

    A key of low order is refused here, where it costs only its sender a place: on a roster it
    would stop everyone who tries to agree with it.
    """
    if len(message) > ADVERTISEMENT_LIMIT:
        raise PeerFault(None, f"an advertisement of {len(message)} bytes was refused")
    try:
        advertisement = Advertisement.parse(signature.payload_of(message))
        device_key = check(advertisement.credential)
        context = labels.ADVERTISE + session.context
        signature.verify(message, public=device_key, context=context)
        agreement.check_public(advertisement.channel_key)
        agreement.check_public(advertisement.mask_key)
    except ValueError as error:
        raise PeerFault(None, f"an advertisement was refused: {error}") from None
    return Row(device_key, advertisement, message)


def table(rows: Sequence[Row], session: Session) -> RosterTable:
    """Rows in any order -> the roster. Raises PeerFault if a device key stands twice."""
    ordered = tuple(sorted(rows, key=lambda row: row.device_key))
    keys = {row.device_key for row in ordered}
    if len(keys) != len(ordered):
        raise PeerFault(None, "a device key stands twice on the roster")
    root = merkle.root([merkle.leaf(signature.payload_of(row.message)) for row in ordered])
    return RosterTable(ordered, root, session.bound_to_roster(len(ordered), root))


def read_roster(
    messages: Sequence[bytes], root: bytes, session: Session, check: CheckCredential
) -> RosterTable:
    """M1's rows -> the roster, if every row holds and the root is theirs.

    Raises CoordinatorFault: the coordinator chose these rows, so it answers for them.
    """
    try:
        rows = [read_advertisement(message, session, check) for message in messages]
        result = table(rows, session)
    except (PeerFault, Malformed) as error:
        raise CoordinatorFault(f"the roster holds a row that fails: {error}") from None
    if [row.message for row in result.rows] != list(messages):
        raise CoordinatorFault("the roster is not in the order of device keys")
    if result.root != root:
        raise CoordinatorFault("the roster's root is not the root of its rows")
    return result
