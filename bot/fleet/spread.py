"""Owns who leads what: pure arithmetic over a muster. Starts, stops and asks nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from bot.ports.fleet import Muster, Worker

GENTLY: Final = 8  # a worker with too many lets an eighth of the excess go at a time


@dataclass(frozen=True, slots=True)
class Turn:
    """What a worker does now: portfolios to take, most its own first, and to let go of."""

    take: tuple[str, ...] = ()
    leave: tuple[str, ...] = ()


def at_work(muster: Muster) -> list[Worker]:
    """Workers that would take a portfolio."""
    return [worker for worker in muster.workers if not worker.draining]


def share(portfolios: int, workers: int) -> int:
    """How many portfolios one of so many workers leads at most: all of them are led, nobody leads two more than due."""
    return -(-portfolios // max(1, workers))


def turn(me: str, books: Mapping[str, int], muster: Muster, leading: Collection[str], waits: Collection[str]) -> Turn:
    """What to take and to leave. ``books`` are the portfolios I know, ``leading`` those I have (ending ones left out).

    ``waits``: those that I could not lead lately and do not try again yet.
    """
    workers = at_work(muster)
    most = share(len(books), len(workers))
    excess = len(leading) - most
    if excess > 0 and _somebody_has_room(me, workers, muster, most):
        going = sorted(leading, key=lambda name: weight(me, name))[: -(-excess // GENTLY)]
        return Turn(leave=tuple(going))
    free = [
        name
        for name, book in books.items()
        if name not in leading
        and name not in waits
        and (book not in muster.leases or not muster.leases[book].runs(muster.at))
    ]
    return Turn(take=tuple(sorted(free, key=lambda name: weight(me, name), reverse=True)[: max(0, -excess)]))


def weight(worker: str, portfolio: str) -> bytes:
    """How much a portfolio is a worker's own: another order for each, so that they rarely reach for the same one."""
    return hashlib.sha256(f"{worker}\n{portfolio}".encode()).digest()


def clashes(muster: Muster, books: Mapping[str, int]) -> Mapping[str, str]:
    """Portfolios that are led or would be led in two ways, and how: versions or configurations that are not one.

    A lease counts for as long as it runs, whether its holder is heard of or not.
    """
    said: dict[str, dict[tuple[str, str], str]] = {}
    for worker in at_work(muster):
        for name, offer in worker.offers.items():
            said.setdefault(name, {}).setdefault((offer.version, offer.config), worker.name)
    going = {worker.name for worker in muster.workers if worker.draining}
    for name, book in books.items():
        lease = muster.leases.get(book)
        if lease is not None and lease.stamp is not None and lease.runs(muster.at) and lease.holder not in going:
            said.setdefault(name, {}).setdefault((lease.stamp.version, lease.stamp.config), lease.holder)
    found = {}
    for name, offers in said.items():
        if len(offers) > 1:
            versions = {version for version, _ in offers}
            what = "versions" if len(versions) > 1 else "configurations"
            told = [f"{worker} has {version} ({config[:8]})" for (version, config), worker in sorted(offers.items())]
            found[name] = f"two {what} of this portfolio in the fleet: {', '.join(told)}"
    return found


def _somebody_has_room(me: str, workers: Collection[Worker], muster: Muster, most: int) -> bool:
    counts = {worker.name: 0 for worker in workers if worker.name != me}
    for lease in muster.leases.values():
        if lease.runs(muster.at) and lease.holder in counts:
            counts[lease.holder] += 1
    return any(count < most for count in counts.values())
