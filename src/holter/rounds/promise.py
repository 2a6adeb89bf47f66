"""Against whom a plan's noise holds, and on what that rests, in words for a guarantee.

Each protocol believes somebody; the words name whom. Central noise is never called distributed:
its guarantee says that helper and leader are believed not to work together, or that the server is
believed outright.
"""

from __future__ import annotations

from holter.privacy.guarantee import ADVERSARY

RECIPIENTS = "everyone who sees the released models, the server itself excepted"
_LEADER = "honest-but-curious leader that does not work with "


def correlated(protocol: str, mode: str) -> bool:
    """Whether the server adds noise to opened sums, correlated from round to round."""
    return mode == "central" and protocol == "secagg"


def adversary(protocol: str, mode: str, helpers: int) -> str:
    """Who is held off."""
    if mode == "local":
        return "anyone, a malicious server included"
    if correlated(protocol, mode):
        return RECIPIENTS
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
    bands: int = 1,
) -> tuple[str, ...]:
    """What must hold for the promise to hold."""
    limits = (
        f"no device takes part more than {max_participations} times, at least "
        f"{min_separation} rounds apart (each device enforces it by its own ledger)"
    )
    if mode == "local":
        noise = "each device adds by itself all the noise that its own contribution needs"
    elif correlated(protocol, mode):
        noise = (
            "the server is believed: it sees the sum of each round before it adds its noise, "
            f"correlated over {bands} rounds, keeps the sums and the noise to itself, and publishes "
            "nothing else of them"
        )
    elif mode == "central":
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
        *([follows[protocol]] if protocol in follows and mode != "local" else []),
        "who was asked, who dropped out and how many survived are public",
        "no amplification by sampling is claimed",
    )
