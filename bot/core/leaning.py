"""Owns what stress hangs on as far as holdings and spreads go, so that many hours are told at once. Pure.

Between two closes the bars stand still: an alarm then changes only with the weights it is weighed by. Each is a line
through the weights that has to lie over an edge; hours on the same side of every edge have the same stress.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.core.market import SLACK, THIRD, dry_of, instants_of, ratio_of, scene_of, slots_of, volume_alarm
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
#: What the spread of an asset says: 0 as usual, 1 it alarms, 2 it alarms and normal orders may not pay it.
Codes = NDArray[np.int8]
NEAR: Final = 1e-6  # weights are rounded by decisions, and sums of them are floats: nearer to an edge, nobody can tell


@dataclass(frozen=True, slots=True, eq=False)
class Leanings:
    """``lines`` (m, k), ``edges`` (m,): an alarm rings where a line through the weights is at its edge or over it.

    ``dry``: assets that are illiquid by closed bars, and why; ``still`` (k,): whose volume alarms now; ``index``: the
    place of the index among the assets, None where it is not one of them.
    """

    lines: Floats
    edges: Floats
    still: Flags
    index: int | None
    dry: Mapping[str, str]

    def same(
        self, then: tuple[Floats, Codes], weights: Floats, wide: Codes, still: Flags, since: Flags | None = None
    ) -> Flags:
        """(n,): hours at which stress is surely as it was ``then``, with weights and spreads (k,) each.

        ``weights``, ``wide``, ``still``: (n, k); ``still`` as bars close, none of which stirs anything but volumes.
        ``since`` (m, k): what ``still`` was in the hours between the instant of this and the first of those, if any.
        """
        before, far = self._side(then[0][None, :], then[1][None, :], self.still[None, :])
        now, clear = self._side(weights, wide, still)
        made: Flags = (now == before).all(axis=1) & clear & far & ((weights > 0) == (then[0] > 0)).all(axis=1)
        rung = still if since is None else np.concatenate([since, still])
        if (rung != self.still).any():
            # Closes since then must ring no more and no less than the last one before them, with the weights of now.
            fewer, near = _thirds(weights, np.concatenate([self.still[None, :], rung]))
            made &= (fewer == fewer[:, :1]).all(axis=1) & near
        return made

    def _side(self, weights: Floats, wide: Codes, still: Flags) -> tuple[Flags, Flags]:
        """(n, m + 1), (n,): on which side of every edge, that of a thin market last; and whether that is sure."""
        thin = (wide > 0) | still
        over = np.column_stack([weights @ self.lines.T - self.edges, (weights * (thin - THIRD)).sum(axis=1) + SLACK])
        made = over >= 0
        # A part of nothing is no third of anything; the index alone is enough.
        made[:, -1] &= (weights * thin).sum(axis=1) > 0
        sure = (np.abs(over) > NEAR).all(axis=1)
        if self.index is not None:
            made[:, -1] |= wide[:, self.index] > 0
        return made, sure | ~weights.any(axis=1)


def _thirds(weights: Floats, still: Flags) -> tuple[Flags, Flags]:
    """(n, m), (n,): whether each close's volumes (m, k) alarm for a third of each hour's weights (n, k); if sure."""
    some = still[np.append(True, (still[1:] != still[:-1]).any(axis=1))]
    over = weights @ (some - THIRD).T + SLACK
    return (over >= 0) & (weights @ some.T > 0), (np.abs(over) > NEAR).all(axis=1) | ~weights.any(axis=1)


def leanings(snapshot: Snapshot, policy: Policy, weights: Floats) -> Leanings:
    """Of an instant; ``weights`` (k,) by asset in the order of the policy, as alarms are weighed."""
    scene, assets = scene_of(snapshot, policy), policy.assets
    index = assets.index(policy.regime.index) if policy.regime.index in assets else None
    none, still = np.empty((0, len(assets))), np.zeros(len(assets), dtype=np.bool_)
    if not policy.stress.enabled:
        return Leanings(none, np.empty(0), still, index, dry_of(scene))
    slots = slots_of(scene, instants_of(scene)[0])
    loud = np.stack([volume_alarm(scene, name, slots) for name in assets]) == 1
    volume = loud.T[loud.any(axis=0)] - THIRD
    swings = none
    if scene.grid.size:
        unknown = np.full(scene.grid.size, np.nan)
        ratios = np.stack([
            ratio_of(scene, name) if weight > 0 else unknown for name, weight in zip(assets, weights, strict=True)
        ])  # fmt: skip
        swings = np.where(np.isfinite(ratios), ratios - scene.asked.volatility_ratio, 0.0).T
        swings = swings[swings.any(axis=1)]
    return Leanings(
        lines=np.concatenate([swings, volume]),
        edges=np.concatenate([np.zeros(len(swings)), np.full(len(volume), -SLACK)]),
        still=loud[:, -1],
        index=index,
        dry=dry_of(scene),
    )
