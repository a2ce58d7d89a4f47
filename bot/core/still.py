"""Owns what stands still between two signal bars: which drifts, hedges and levels ask for nothing, hour by hour. Pure.

Readings, regime and stress are those of the decision before; prices alone move. Every answer is the comparison that the
rule makes, by columns and with a slack, so that it may be less sure than the rule and never surer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.core.assessment import Exposure, Trend
from bot.core.calendars import next_slot
from bot.core.costs import funding_view
from bot.core.desk import Desk, contract_of
from bot.core.exposure import ledger
from bot.core.futures import BEAR_HEDGE, COMPLETED_WITHIN, no_futures
from bot.core.market import view
from bot.core.memory import Episode, Hedge, Memory
from bot.core.numbers import from_milliseconds, milliseconds
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from bot.core.rules import add, derisk, exits, index, margin
from bot.core.sizing import AT_GOAL, CLOSE_ENOUGH, STRETCH, sign_of
from bot.core.snapshot import Snapshot
from bot.core.triggers import trend

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
SLACK: Final = 1e-9
MONEY_SLACK: Final = 1e-6
#: Episodes that may wait with a reason, and which way they go.
WORKED: Final = (("add", "up"), ("calendar", "up"), ("trim", "down"))
OF_NOW: Final = ("spread", "depth")  # what is illiquid by the hour; volume and size are of closed bars


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Hours to come, were nothing traded: fractions of E (n, k) by asset, E and money (n,) in accounting currency.

    ``futures`` leaves index hedges out, ``index`` are those; ``notional`` is of all positions at mark, ``unrealised``
    their profit.
    """

    at_ms: Ints
    worth: Floats
    spot: Floats
    futures: Floats
    index: Floats
    liquid: Floats
    available: Floats
    notional: Floats
    unrealised: Floats

    @property
    def net(self) -> Floats:
        """Net exposure, index hedges apart."""
        return self.spot + self.futures


@dataclass(frozen=True)
class Held:
    """What a decision left, and what it knew: looked at together.

    ``charted``: the snapshot with later candles, once a bar has closed since; quotes and funding stay those of the
    decision, and so does the instant they are asked at: they have not grown old, they are known to stand.
    """

    plan: Plan
    snapshot: Snapshot
    memory: Memory
    policy: Policy
    charted: Snapshot | None = None

    @property
    def charts(self) -> Snapshot:
        """With the candles of now."""
        return self.charted or self.snapshot

    @property
    def items(self) -> tuple[Exposure, ...]:
        """Every asset as the decision saw it."""
        return self.plan.assessment.exposures

    @cached_property
    def desk(self) -> Desk:
        """What rules look at, before anything is wished."""
        return Desk(self.snapshot, self.policy, self.plan.assessment, ledger(self.snapshot, self.policy)[0])

    def hedges(self, item: Exposure) -> list[Hedge]:
        """Shorts against the coins of an asset."""
        symbol = contract_of(item.asset, self.policy).symbol
        return [one for one in self.memory.hedges if one.symbol == symbol and one.purpose == "hedge"]

    def shut(self, item: Exposure, *, unknown: bool) -> bool:
        """Whether no short may be opened: no perpetual, or funding over the limit, or ``unknown`` and that is so."""
        view = funding_view(contract_of(item.asset, self.policy).symbol, self.desk)
        dear = unknown if view is None else view.paid_by_short() > self.policy.hedge_for(item.asset).funding_limit
        return bool(no_futures(self.desk, item.asset)) or dear


def unstill(held: Held) -> str:
    """What of a portfolio with signals or futures has no form here; empty where all of it has."""
    plan, memory = held.plan, held.memory
    seen, keys = plan.assessment, held.policy
    last = [memory.last_trades.get(item.asset) for item in held.items if item.contracts]
    parts = (
        (any(why.startswith(OF_NOW) for why in seen.market.illiquid.values()), "an illiquid market"),
        (any(exits.leaving(held.desk, item) for item in held.items if item.coins), "an asset being left"),
        (any(item.contracts > 0 for item in held.items) or memory.bridges, "a long"),
        (any(one.purpose == "risk" for one in memory.hedges), "a risk short"),
        (any((one.direction, sign_of(one)) not in WORKED for one in memory.episodes), "an episode"),
        (any(one and plan.at < one.at + keys.pace.increment_interval for one in last), "an increment's interval"),
        (any(one.margin_mode == "isolated" for one in held.snapshot.positions), "isolated margin"),
        (held.snapshot.account.unified and held.snapshot.positions, "unified margin"),
        (_surplus_old(held), "a surplus of margin"),
        (keys.add.route == "bridge" and seen.regime != "bear", "bridges by route"),
    )
    return ", ".join(what for found, what in parts if found)


def _surplus_old(held: Held) -> bool:
    since = held.memory.surplus_since
    return since is not None and held.plan.at - since >= margin.IDLE


def excused(held: Held, rows: Rows) -> tuple[Flags, Flags]:
    """(n, k) each: where an overweight, and where an underweight, may be out of its band and nothing is wished for."""
    over, under = (np.zeros(rows.net.shape, dtype=np.bool_) for _ in range(2))
    if not held.policy.signals.enabled:
        return over, under
    poor = _too_poor(held, rows)
    for place, item in enumerate(held.items):
        drift = rows.net[:, place] - float(item.target)
        hard = float(held.policy.hard_band_for(item.asset) * item.band)
        episode = held.memory.episode(item.asset)
        if _let_run(held, item) and (episode is None or sign_of(episode) == "down"):
            over[:, place] = drift < hard - SLACK
        if held.plan.assessment.regime == "bear":
            over[:, place] |= _hedged_in_bear(held, item, rows, place)
        if item.contracts == 0 and (episode is None or sign_of(episode) == "up"):
            under[:, place] = _no_adds(held, item, rows.at_ms) | poor[:, place]
    return over, under


def _let_run(held: Held, item: Exposure) -> bool:
    """Strong up, at a speed of nothing (R-A1)."""
    read = item.readings
    other = read.exhausted or read.parabolic or read.overextended
    return (
        read.trend == Trend.STRONG_UP
        and not other
        and not held.policy.trim_for(item.asset).speed.strong_up
        and item.target > 0
    )


def _no_adds(held: Held, item: Exposure, at_ms: Ints) -> Flags:
    """Where R-A10 and R-A15 let nothing be added, whatever the price."""
    read, seen = item.readings, held.plan.assessment
    never = (
        seen.regime == "bear"
        or seen.stress >= add.STRESS_STOPS_ADDS
        or read.trend is None
        or bool(read.parabolic)
        or bool(read.overextended)
        or (read.trend == Trend.STRONG_DOWN and not read.bottoming)
    )
    if never:
        return np.ones(len(at_ms), dtype=np.bool_)
    last = held.memory.last_trades.get(item.asset)
    if last is None or last.direction != "down" or read.trend == Trend.STRONG_UP or read.recovered:
        return np.zeros(len(at_ms), dtype=np.bool_)
    made: Flags = at_ms < milliseconds(last.at + add.AFTER_TRIM)
    return made


def _too_poor(held: Held, rows: Rows) -> Flags:
    """(n, k): where dry powder is too little for the least step, and nothing in the futures wallet makes up for it."""
    policy, seen = held.policy, held.plan.assessment
    powder = np.maximum(0.0, rows.liquid - float(policy.targets.stables.floor) * rows.worth)
    at_hand = (rows.available < float(add.LEAST_MOVE) - MONEY_SLACK) | (float(seen.stables.spot_free) >= powder)
    made = np.zeros(rows.net.shape, dtype=np.bool_)
    if policy.targets.model == "momentum":
        return made
    for place, item in enumerate(held.items):
        if item.readings.bottoming and seen.regime != "bear":
            continue
        episode, gap = held.memory.episode(item.asset), float(item.target) - rows.net[:, place]
        if episode is not None:
            gap = float(episode.goal or 0) - rows.net[:, place]
        elif policy.goal_for(item.asset) != "target":
            gap = float(item.band_low) - rows.net[:, place]  # the edge lies beyond it
        least = np.minimum(np.minimum(float(policy.add_for(item.asset).increment * STRETCH), gap), float(add.LEAST_CUT))
        made[:, place] = at_hand & (least > 0) & (powder < least * rows.worth - MONEY_SLACK)
    return made


def _hedged_in_bear(held: Held, item: Exposure, rows: Rows, place: int) -> Flags:
    """Where what is over the neutral target is held by the short that stands (R-A6)."""
    seen, facts = held.plan.assessment, held.hedges(item)
    over = rows.net[:, place] - float(seen.neutral.get(item.asset, item.target))
    band = seen.neutral_bands.get(item.asset, item.band)
    stands = any(one.reason.startswith(BEAR_HEDGE) for one in facts)
    made: Flags = (over > SLACK) & (over < float(held.policy.hard_band_for(item.asset) * band) - SLACK)
    return made & stands


def worked(held: Held, rows: Rows, over: Flags, under: Flags) -> Flags:
    """(n,): open episodes that neither end nor go on: not at their goal, their reason to wait as it was."""
    made = np.ones(len(rows.at_ms), dtype=np.bool_)
    places = {item.asset: place for place, item in enumerate(held.items)}
    for episode in held.memory.episodes:
        if episode.subject not in places or episode.goal is None:
            return np.zeros_like(made)
        made &= _waits(episode, rows, places[episode.subject], held, (over, under))
    return made


def _waits(episode: Episode, rows: Rows, place: int, held: Held, may: tuple[Flags, Flags]) -> Flags:
    item = held.items[place]
    up = sign_of(episode) == "up"
    sign = 1.0 if up else -1.0
    net = rows.net[:, place]
    made: Flags = sign * (float(episode.goal or 0) - net) > float(CLOSE_ENOUGH) + SLACK
    made &= sign * (float(item.target) - net) > SLACK  # nothing of the other side is triggered
    return made & may[1 if up else 0][:, place]


def turned(held: Held, rows: Rows, over: Flags, under: Flags) -> Flags:
    """(n,): no edge of a trend that asks for something (R-W10)."""
    drift = rows.net - np.array([float(item.target) for item in held.items])
    edges = [
        (trend.edges(item, held.policy, held.memory, held.plan.at), float(item.band) / 2 - SLACK) for item in held.items
    ]
    made = np.ones(len(rows.at_ms), dtype=np.bool_)
    for place, ((down, up), half) in enumerate(edges):
        if down:
            made &= (drift[:, place] < half) | over[:, place]
        if up:
            made &= (-drift[:, place] < half) | under[:, place]
    return made


def unspiked(held: Held, price: Floats, at_ms: Ints) -> Flags:
    """(n,): no closed bar and no running move out of the ordinary (R-G4)."""
    keys = held.policy.spike
    made = np.ones(len(at_ms), dtype=np.bool_)
    for place, item in enumerate(held.items):
        read = item.readings
        ranged, usual = read.last_bar_true_range, read.atr_before
        if ranged and usual and read.closed_at is not None and ranged / usual > float(keys.atr):
            made &= at_ms > milliseconds(read.closed_at + keys.cooloff)
        if read.atr and read.close:
            made &= np.abs(price[:, place] - read.close) / read.atr < float(keys.atr) - SLACK
    return made


def shed(held: Held, rows: Rows) -> Flags:
    """(n,): nothing is shed under stress (R-A16) or towards the bear target (R-T2), no bear hedge opened (R-A6)."""
    seen = held.plan.assessment
    made = np.ones(len(rows.at_ms), dtype=np.bool_)
    for place, item in enumerate(held.items):
        net, target = rows.net[:, place], float(item.target)
        if seen.stress > 0:
            made &= net - target < float(derisk.HALF * item.band) - SLACK
        if seen.regime == "bear":
            neutral = float(seen.neutral.get(item.asset, item.target))
            stepped = _until(_stepped_until(held, item), rows.at_ms)
            made &= (np.minimum(net, neutral) - target < float(derisk.BEAR_STEP) - SLACK) | stepped
            half = float(derisk.HALF * seen.neutral_bands.get(item.asset, item.band))
            made &= (net - neutral < half - SLACK) | _until(_hedged_until(held, item), rows.at_ms)
    return made


def _stepped_until(held: Held, item: Exposure) -> datetime | None:
    ended = held.memory.ended.get(item.asset)
    made = ended is not None and (ended.rule, ended.why) == (derisk.BEAR, AT_GOAL)
    return ended.at + derisk.ONCE_IN if ended is not None and made else None


def _hedged_until(held: Held, item: Exposure) -> datetime | None:
    """Until when no other bear hedge is opened; None where one might be."""
    own = [one for one in held.hedges(item) if one.reason.startswith(BEAR_HEDGE)]
    if not held.policy.hedge_for(item.asset).enabled or held.shut(item, unknown=True):
        return datetime.max.replace(tzinfo=held.plan.at.tzinfo)
    if any(held.plan.at - one.opened_at < COMPLETED_WITHIN for one in own):
        return None
    if own:
        return datetime.max.replace(tzinfo=held.plan.at.tzinfo)
    last = held.memory.last_bear_hedge.get(item.asset)
    return None if last is None else last + held.policy.hedge_for(item.asset).max_age


def _until(at: datetime | None, at_ms: Ints) -> Flags:
    """Which hours lie before an instant."""
    if at is None:
        return np.zeros(len(at_ms), dtype=np.bool_)
    made: Flags = at_ms < (at - datetime(1970, 1, 1, tzinfo=at.tzinfo)) / timedelta(milliseconds=1)
    return made


def indexed(held: Held, rows: Rows) -> Flags:
    """(n,): index hedges are as large as they are wanted, to a fifth (R-A9)."""
    policy, seen = held.policy, held.plan.assessment
    keys = policy.hedge.index
    places = [place for place, item in enumerate(held.items) if item.asset in keys.assets]
    have = -rows.index[:, places]
    if seen.regime != "bear" or not keys.enabled or not policy.hedge.enabled:
        made: Flags = np.asarray((np.abs(have) < SLACK).all(axis=1))
        return made
    betas = np.array([float(seen.market.betas.get(item.asset, index.BETA_UNKNOWN)) for item in held.items])
    wanted = np.clip(float(keys.ratio) * (rows.net @ betas), 0.0, float(keys.max))
    able = np.array([not held.shut(held.items[place], unknown=False) for place in places])
    part = np.outer(wanted, able / max(1, able.sum()))
    inside = np.abs(part - have) < float(index.FIFTH) * part - SLACK
    inside |= ~able & (np.abs(have) < SLACK)
    for column, place in enumerate(places):
        if funding_view(contract_of(held.items[place].asset, policy).symbol, held.desk) is None:
            inside[:, column] |= part[:, column] > have[:, column] + SLACK
    within: Flags = np.all(inside, axis=1)
    return within


def hedged(held: Held, rows: Rows) -> Flags:
    """(n,): every short against coins may stand as it is (R-A8)."""
    made = np.ones(len(rows.at_ms), dtype=np.bool_)
    for place, item in enumerate(held.items):
        if not item.contracts:
            continue
        keys, facts = held.policy.hedge_for(item.asset), held.hedges(item)
        unhedged = rows.spot[:, place] - float(item.target)
        made &= rows.net[:, place] > float(item.band_low) + SLACK
        made &= unhedged > float(keys.unwind * item.band) + SLACK
        bear = any(one.reason.startswith(BEAR_HEDGE) for one in facts)
        if item.readings.regime_trend == Trend.STRONG_DOWN and not bear:
            return np.zeros_like(made)
        for one in facts:
            made &= _until(one.opened_at + keys.max_age, rows.at_ms)
    return made


def backed(held: Held, rows: Rows) -> Flags:
    """(n,): margin is neither near its end nor idle otherwise than it was (R-A20)."""
    seen, account = held.plan.assessment.stables, held.snapshot.account
    balance = float(seen.futures_wallet)
    bound = sum(float(one.maintenance_margin or 0) for one in held.snapshot.positions)
    then = sum(float(one.contracts * one.contract_size * (one.mark_price or 0)) for one in held.snapshot.positions)
    spare = balance + rows.unrealised - (bound / then * rows.notional if then else 0.0)
    limit = float(held.policy.limits.top_up_distance) + SLACK
    made: Flags = np.asarray((rows.notional <= 0) | (spare > limit * rows.notional))
    if account.unified or "transfer" not in account.can:
        return made
    surplus = balance + np.minimum(0.0, rows.unrealised) - 2 * rows.notional / float(held.policy.hedge.leverage)
    sure = ((np.abs(surplus) > MONEY_SLACK) | (rows.notional <= 0)) & (
        np.abs(rows.available - float(margin.LEAST_MOVE)) > MONEY_SLACK
    )
    idle = (surplus >= 0) & (rows.available >= float(margin.LEAST_MOVE))
    since = held.memory.surplus_since
    made &= sure & (idle == (since is not None))
    return made if since is None else made & _until(since + margin.IDLE, rows.at_ms)


def weighed(held: Held, at_ms: Ints) -> Flags:
    """(n,): weights within sleeves that follow from risk are not refreshed (R-T1)."""
    keys = held.policy.targets
    if all(sleeve.weighting in ("equal", "fixed") for sleeve in keys.sleeves.values()):
        return np.ones(len(at_ms), dtype=np.bool_)
    return _until(next_slot(keys.risk_parity.refresh, held.plan.at), at_ms)


def weights_of(held: Held, net: Floats) -> dict[str, float]:
    """What alarms are weighed by: net exposures (k,) without their signs, to nine digits as decisions have them."""
    return {item.asset: round(abs(each), 9) for item, each in zip(held.items, net.tolist(), strict=True)}


def as_it_was(held: Held, at_ms: int, net: Floats) -> bool:
    """Whether regime and stress, whose alarms are weighed by what is held, are at an hour what they were."""
    seen = held.plan.assessment
    if not held.policy.stress.enabled:
        return True
    found = view(held.charts.model_copy(update={"at": from_milliseconds(at_ms)}), held.policy, weights_of(held, net))
    then = (seen.regime, seen.stress, seen.market.illiquid.keys())
    return (found.regime, found.stress, found.illiquid.keys()) == then
