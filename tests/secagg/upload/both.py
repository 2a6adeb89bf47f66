"""One window played twice: by our machines and by ``tests/reference``, message for message."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from holter.crypto.signature import payload_of
from holter.secagg.errors import SecaggError
from holter.secagg.upload import leader
from holter.secagg.upload.messages import Report
from tests.reference import cbor, hpke, upload
from tests.secagg.cast import MINUTE, tape
from tests.secagg.upload.window_cast import (
    CLOSES,
    EXPIRES,
    WindowCast,
    WindowPlay,
    id_of,
    private_of,
)
from tests.secagg.upload.window_forgery import seeds_of


def outcome(act: Callable[[], Any]) -> Any:
    """What came of it; None where it was refused, in whatever words."""
    try:
        return act()
    except (SecaggError, ValueError):
        return None


@dataclass
class Both:
    """ours: the play. helpers, leader: the reference, with the very same keys."""

    ours: WindowPlay
    window: upload.Window
    helpers: list[upload.Helper]
    leader: upload.Leader

    @classmethod
    def of(cls, cast: WindowCast) -> Both:
        agreed = cast.window
        window = upload.Window(
            agreed.task_id.decode(),
            agreed.window_id,
            agreed.model_hash,
            agreed.plan_hash,
            agreed.leader_public,
            agreed.helpers,
            cast.registrar.public,
            agreed.limits.survivors_floor,
            agreed.limits.words,
            largest=agreed.limits.largest_list,
        )
        assert window.ctx == agreed.context
        helpers = [
            upload.Helper(window, j, tape(("helper", j)), private_of(agreed.suite, j), CLOSES)
            for j in range(len(cast.helper_keys))
        ]
        both = cls(WindowPlay.of(cast), window, helpers, upload.Leader(window, tape("leader")))
        assert [helper.offer() for helper in helpers] == both.ours.offers
        return both

    def report(self, i: int) -> bytes:
        """Device i's report by the reference, of the same randomness as ours."""
        cast = self.ours.cast
        client = upload.Client(self.window, tape(("device", i)), cast.credentials[i])
        random = id_of(i) + b"".join(seeds_of(cast, i))
        random += tape(("ephemeral", i), 32 * len(self.helpers))
        vector = cast.vector(i).tolist()
        out = client.report(self.ours.offers, vector, random, EXPIRES, MINUTE)
        assert client.records == [cbor.encode(["report", self.window.ctx, out])]
        return out

    def seals_agree(self, i: int, theirs: bytes) -> None:
        """Our report and theirs differ in seals alone, and each opens for the other side."""
        words = 8 * self.window.words
        pair = [Report.parse(message, words) for message in (self.ours.report(i), theirs)]
        payloads = [cbor.decode(payload_of(one.signed)) for one in pair]
        assert (pair[0].credential, pair[0].vector) == (pair[1].credential, pair[1].vector)
        assert payloads[0][:5] == payloads[1][:5]
        for j in range(len(self.helpers)):
            device, report_id = payloads[0][:2]
            info = self.window.info(j, device, report_id)
            expected = b"".join(seeds_of(self.ours.cast, i)[g] for g in self.window.held(j))
            private = private_of(self.ours.cast.window.suite, j)
            assert hpke.open_sealed(payloads[0][5][j], private, info=info) == expected
            assert self.ours.helpers[j].key.open(payloads[1][5][j], info=info) == expected

    def take(self, message: bytes, minute: int = MINUTE) -> bool:
        """Both leaders agree on a report."""
        ours = outcome(lambda: self.ours.take(message, minute) or True)
        theirs = outcome(lambda: self.leader.receive(message, minute) or True)
        assert ours == theirs
        return bool(ours)

    def judge(self, proposal: bytes, minute: int = MINUTE) -> list[bytes | None]:
        """All helpers, twice, give the same verdict."""
        return [self.agree_on(j, "verdict", proposal, minute) for j in range(len(self.helpers))]

    def agree_on(self, j: int, what: str, message: bytes, minute: int = MINUTE) -> bytes | None:
        """Helper j twice: the same bytes and the same records, or refused by both."""
        play, other = self.ours, self.helpers[j]
        ours: Callable[[], bytes] = {
            "verdict": lambda: play.examine(j, message, minute),
            "draft": lambda: play.endorse(j, message, minute),
            "request": lambda: play.answer(j, message, minute=minute),
        }[what]
        theirs: Callable[[], bytes] = {
            "verdict": lambda: other.verdict(message, minute),
            "draft": lambda: other.accept(message, minute),
            "request": lambda: other.answer(message, minute),
        }[what]
        said = outcome(ours)
        assert said == outcome(theirs), what
        assert play.kept[j] == other.records
        return said

    def run(self, silent: Collection[int] = ()) -> list[int] | None:
        """From the proposal to the sum; None where the window ends without."""
        made = outcome(lambda: leader.propose(self.ours.leader))
        if made is None:
            return None
        self.ours.leader, proposal = made
        assert proposal == self.leader.proposal()
        for j in range(len(self.helpers)):
            said = self.agree_on(j, "verdict", proposal)
            if said is not None and j not in silent:
                self.ours.leader = leader.take_verdict(self.ours.leader, j, said)
                self.leader.verdict(j, said)
        made = outcome(lambda: leader.close_proposing(self.ours.leader))
        listed = outcome(self.leader.fix)
        assert (made is None) == (listed is None)
        if made is None:
            return None
        self.ours.leader, draft = made
        assert self.ours.leader.listed == listed and draft == self.leader.sign("draft", listed)
        for j in range(len(self.helpers)) if len(self.helpers) == 4 else ():
            said = self.agree_on(j, "draft", draft)
            if said is not None and j not in silent:
                self.ours.leader = leader.take_signature(self.ours.leader, j, said)
                self.leader.agreed(j, said)
        return self.sum(silent)

    def sum(self, silent: Collection[int]) -> list[int] | None:
        made = outcome(lambda: leader.close_listing(self.ours.leader))
        request = outcome(self.leader.request)
        assert (made and made[1]) == request
        if made is None:
            return None
        self.ours.leader = made[0]
        for j in range(len(self.helpers)):
            said = self.agree_on(j, "request", request)
            assert said == self.agree_on(j, "request", request)
            if said is not None and j not in silent:
                self.ours.hear(j, said)
                self.leader.answer(j, said)
        found = outcome(lambda: leader.close_answering(self.ours.leader).words.tolist())
        assert found == outcome(self.leader.total)
        return found


def words_of(values: list[int]) -> np.ndarray[Any, np.dtype[np.uint64]]:
    return np.array(values, dtype=np.uint64)
