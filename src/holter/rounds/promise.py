"""Against whom a plan's noise holds, and on what that rests, in words for a guarantee.

Each protocol believes somebody; the words name whom. Central noise is never called distributed:
its guarantee says that helper and leader are believed not to work together.
"""

from __future__ import annotations

from holter.privacy.guarantee import ADVERSARY

_LEADER = "honest-but-curious leader that does not work with "


def adversary(protocol: str, mode: str, helpers: int) -> str:
    """Who is held off."""
    if protocol == "secagg":
        return ADVERSARY
    if helpers == 1:
        found = _LEADER + "its one helper, or helper that does not work with its leader"
        return found if mode == "central" else "honest-but-curious leader, or helper, on its own"
    return _LEADER + "two of its four helpers"


def assumptions(
    protocol: str,
    mode: str,
    helpers: int,
    *,
    max_participations: int,
    min_separation: int,
    survivors_floor: int,
    colluders: int,
) -> tuple[str, ...]:
    """What must hold for the promise to hold."""
    limits = (
        f"no device takes part more than {max_participations} times, at least "
        f"{min_separation} rounds apart (each device enforces it by its own ledger)"
    )
    if mode == "central":
        noise = (
            "helper and leader each add all of the noise to every sum; the helper is believed not "
            "to work with the leader, and each to add its own"
        )
    elif colluders:
        noise = (
            f"at least {survivors_floor} clients survive in every sum that opens, and at most "
            f"{colluders} of them are corrupt"
        )
    else:
        noise = (
            f"at least {survivors_floor} clients survive in every sum that opens; no colluding "
            "client is tolerated"
        )
    follows = {
        "secagg": "the server follows the protocol and the registrar enrols real devices",
        "one-upload": (
            "leader and helper follow the protocol and do not work together, and the registrar "
            "enrols real devices; a device cannot see the cohort it is summed in"
            if helpers == 1
            else "of the four helpers at most one works with the leader, and the registrar enrols "
            "real devices; a device cannot see the cohort it is summed in"
        ),
    }
    return (
        limits,
        noise,
        *([follows[protocol]] if protocol in follows else []),
        "who was asked, who dropped out and how many survived are public",
        "no amplification by sampling is claimed",
    )
