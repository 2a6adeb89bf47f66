"""The five messages of docs/protocol.md (sections 2 to 4) by one name; see the three modules."""

from __future__ import annotations

from tests.reference.client import Client
from tests.reference.primitives import Refused
from tests.reference.server import Server
from tests.reference.session import Abandoned, Bounds, Session, check, group_of, issue

__all__ = [
    "Abandoned",
    "Bounds",
    "Client",
    "Refused",
    "Server",
    "Session",
    "check",
    "group_of",
    "issue",
]
