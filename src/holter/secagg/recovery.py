"""What the server opens at the end, and who lied where something does not open.

Self-mask seeds of survivors come from seed shares. Pair masks towards those who dropped out
come from edge seeds, which a survivor knows anyway; only where an edge seed is missing or
does not match the other end's tag is the dropped client's mask key put together from key
shares. Tags say who lied: a share that does not match its dealer's tag is its holder's lie;
shares that all match and give the wrong secret are the dealer's. Nothing is tried at random
and nothing partial is given.

Source: docs/protocol.md section 4.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from holter.crypto import shamir
from holter.crypto.agreement import AgreementKey, BadKey
from holter.secagg import keys
from holter.secagg.errors import Abandoned
from holter.secagg.server_states import Blame, Masking, Sharing, Unsealing

Held = dict[int, list[tuple[int, bytes]]]
"""Dealer -> (holder, share), holders ascending."""

TagOf = Callable[[bytes, int, int, bytes], bytes]


@dataclass(frozen=True)
class OpenMasks:
    """The seeds of every mask that is left in the sum."""

    self_seeds: list[bytes] = field(repr=False)
    edges: list[tuple[int, int, bytes]] = field(repr=False)
    blamed: tuple[Blame, ...]


def seed_dealers(state: Unsealing, holder: int) -> list[int]:
    """Whose seed shares ``holder`` releases, in order."""
    endorsing = state.before
    unusable = endorsing.before.inputs[holder].complaints
    around = endorsing.before.before.neighbours[holder]
    return [d for d in around if d in endorsing.survivors and d not in unusable]


def gone(state: Unsealing, holder: int) -> list[int]:
    """Neighbours of ``holder`` in U2 that are not in U3: whose edge seeds it releases, in order."""
    endorsing = state.before
    left = endorsing.before.mask_set - endorsing.survivors
    return [d for d in endorsing.before.before.neighbours[holder] if d in left]


def key_dealers(state: Unsealing, holder: int) -> list[int]:
    """Whose key shares ``holder`` releases, in order."""
    unusable = state.before.before.inputs[holder].complaints
    return [d for d in gone(state, holder) if d not in unusable]


def distrusted(state: Masking) -> frozenset[int]:
    """Dealers about whom more clients complain than the plan bears corrupt: some of these speak
    the truth, so the dealer sealed nothing of use (the server itself lost nothing on the way).
    """
    counts = Counter(d for entry in state.inputs.values() for d in entry.complaints)
    most = state.before.session.bounds.tolerated_complaints
    return frozenset(dealer for dealer, complaints in counts.items() if complaints > most)


def open_masks(state: Unsealing) -> OpenMasks:
    """Every seed that the sum needs. Raises Abandoned, naming whom it blames."""
    opening = _Opening(state, state.before.before.before)
    seeds = opening.self_seeds()
    edges = opening.edges()
    if opening.closed:
        raise Abandoned(opening.closed[0], tuple(sorted(opening.blamed)))
    blamed = tuple(Blame(i, reason) for i, reason in sorted(opening.blamed.items()))
    return OpenMasks(seeds, edges, blamed)


class _Opening:
    """One attempt: collects blame and what stays closed, so that all liars are found at once."""

    def __init__(self, state: Unsealing, sharing: Sharing) -> None:
        self.state, self.sharing = state, sharing
        self.sid = sharing.roster.sid
        self.blamed: dict[int, str] = {
            dealer: "sealed shares that many could not use"
            for dealer in distrusted(state.before.before)
        }
        self.closed: list[str] = []

    def self_seeds(self) -> list[bytes]:
        """b_i of every survivor that opens."""
        held: Held = {}
        for holder in sorted(self.state.released):
            shares = self.state.released[holder][1].seed_shares
            for dealer, share in zip(seed_dealers(self.state, holder), shares, strict=True):
                held.setdefault(dealer, []).append((holder, share))
        session, rows = self.sharing.session, self.sharing.rows

        def right(dealer: int, seed: bytes) -> bool:
            expected = rows[dealer].advertisement.commitment
            found = session.commitment(rows[dealer].device_key, seed)
            return hmac.compare_digest(found, expected)

        tags = {dealer: shares.seed_tags for dealer, (_, shares) in self.sharing.sealed.items()}
        survivors = sorted(self.state.before.survivors)
        return list(self._open(survivors, held, right, tags, keys.seed_tag).values())

    def edges(self) -> list[tuple[int, int, bytes]]:
        """(survivor, dropped, seed) of every open pair mask; by edge seeds, else by keys."""
        sealed, around = self.sharing.sealed, self.sharing.neighbours
        claims = self._edge_claims()
        found: list[tuple[int, int, bytes]] = []
        disputed: list[tuple[int, int]] = []
        endorsing = self.state.before
        for dropped in sorted(endorsing.before.mask_set - endorsing.survivors):
            for position, survivor in enumerate(around[dropped]):
                if survivor not in endorsing.survivors:
                    continue
                seed = claims.get((survivor, dropped))
                expected = sealed[dropped][1].edge_tags[position]
                if seed is not None and hmac.compare_digest(
                    keys.edge_tag(self.sid, survivor, dropped, seed), expected
                ):
                    found.append((survivor, dropped, seed))
                else:
                    disputed.append((survivor, dropped))
        self._blame_by_many(disputed, claims)
        return found + self._edges_by_keys(disputed, claims)

    def _blame_by_many(
        self, disputed: list[tuple[int, int]], claims: Mapping[tuple[int, int], bytes]
    ) -> None:
        """Where more survivors contradict a dropped client's tags than may lie, it lied."""
        counts = Counter(dropped for edge in disputed if edge in claims for dropped in edge[1:])
        most = self.sharing.session.bounds.tolerated_complaints
        for dropped, contradicted in counts.items():
            if contradicted > most:
                self.blamed.setdefault(dropped, "tagged an edge falsely")

    def _edge_claims(self) -> dict[tuple[int, int], bytes]:
        claims = {}
        for holder, (_, message) in self.state.released.items():
            for dropped, seed in zip(gone(self.state, holder), message.edge_seeds, strict=True):
                claims[holder, dropped] = seed
        return claims

    def _edges_by_keys(
        self, disputed: list[tuple[int, int]], claims: Mapping[tuple[int, int], bytes]
    ) -> list[tuple[int, int, bytes]]:
        if not disputed:
            return []
        rows = self.sharing.rows
        opened = self._mask_keys({dropped for _, dropped in disputed})
        edges = []
        for survivor, dropped in disputed:
            if dropped not in opened:
                continue  # noted as closed
            public = rows[survivor].advertisement.mask_key
            try:
                seed = keys.pair_seed(opened[dropped], dropped, survivor, public, self.sid)
            except BadKey:
                self.closed.append(f"client {survivor} advertised a key of low order")
                continue
            claim = claims.get((survivor, dropped))
            if claim is not None and hmac.compare_digest(claim, seed):
                self.blamed.setdefault(dropped, "tagged an edge falsely")
            elif claim is not None:
                self.blamed.setdefault(survivor, "released a false edge seed")
            edges.append((survivor, dropped, seed))
        return edges

    def _mask_keys(self, dealers: Collection[int]) -> dict[int, AgreementKey]:
        held: Held = {}
        for holder in sorted(self.state.released):
            shares = self.state.released[holder][1].key_shares
            for dealer, share in zip(key_dealers(self.state, holder), shares, strict=True):
                if dealer in dealers:
                    held.setdefault(dealer, []).append((holder, share))
        rows = self.sharing.rows

        def right(dealer: int, private: bytes) -> bool:
            return AgreementKey(private).public == rows[dealer].advertisement.mask_key

        tags = {dealer: shares.key_tags for dealer, (_, shares) in self.sharing.sealed.items()}
        opened = self._open(sorted(dealers), held, right, tags, keys.key_tag)
        return {dealer: AgreementKey(private) for dealer, private in opened.items()}

    def _open(
        self,
        dealers: Collection[int],
        held: Held,
        right: Callable[[int, bytes], bool],
        tags: Mapping[int, tuple[bytes, ...]],
        tag_of: TagOf,
    ) -> dict[int, bytes]:
        """The secret of each dealer: from the first shares, and where that fails from those
        that match their tags.
        """
        needed = self.sharing.threshold
        enough = [d for d in dealers if len(held.get(d, ())) >= needed]
        for _ in range(len(dealers) - len(enough)):
            self.closed.append(
                f"too few shares of a client's secret were released; {needed} open it"
            )
        found: dict[int, bytes] = {}
        if not enough:
            return found
        firsts = shamir.recover_many([held[d][:needed] for d in enough])
        for dealer, secret in zip(enough, firsts, strict=True):
            if secret is None or not right(dealer, secret):
                secret = self._open_by_tags(dealer, held[dealer], right, tags[dealer], tag_of)
            if secret is not None:
                found[dealer] = secret
        return found

    def _open_by_tags(
        self,
        dealer: int,
        shares: list[tuple[int, bytes]],
        right: Callable[[int, bytes], bool],
        tags: tuple[bytes, ...],
        tag_of: TagOf,
    ) -> bytes | None:
        matching = []
        for holder, share in shares:
            expected = tags[self.sharing.position(holder, dealer)]
            if hmac.compare_digest(tag_of(self.sid, dealer, holder, share), expected):
                matching.append((holder, share))
            else:
                self.blamed.setdefault(holder, "released a share that is not the one dealt")
        needed = self.sharing.threshold
        if len(matching) < needed:
            self.closed.append(
                f"too few true shares of a client's secret were released; {needed} open it"
            )
            return None
        secret = shamir.recover_many([matching[:needed]])[0]
        if secret is None or not right(dealer, secret):
            self.blamed.setdefault(dealer, "dealt shares of something else than it promised")
            self.closed.append(f"the shares of client {dealer} do not open what it promised")
            return None
        return secret
