"""Who is at fault: every refusal of the protocol names a party and what follows.

A machine that raises one of these has sent nothing and revealed nothing by it. Abandoning
a session is always safe; a wrong sum or an opened contribution never is.
"""

from __future__ import annotations


class SecaggError(Exception):
    """Base of all refusals of the protocol."""


class Caller(SecaggError):
    """The program that drives the machine called it wrongly."""


class CoordinatorFault(SecaggError):
    """What the coordinator said contradicts the plan, a signature or what it said before."""


class PeerFault(SecaggError):
    """A client's message is malformed, not its own, or out of turn; the client is left out."""

    def __init__(self, client: int | None, reason: str) -> None:
        super().__init__(reason)
        self.client = client


class HelperFault(SecaggError):
    """What a helper said contradicts its key, its offer, the list, or what it said before."""


class Abandoned(SecaggError):
    """The session ends without a sum. Nothing was revealed; the reason says what was missing.

    blamed: roster indices of clients that provably lied; the next session excludes them.
    """

    def __init__(self, reason: str, blamed: tuple[int, ...] = ()) -> None:
        super().__init__(reason)
        self.blamed = blamed
