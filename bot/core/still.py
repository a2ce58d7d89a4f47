"""Owns what stands still between two signal bars: which drifts, hedges and levels ask for nothing, hour by hour. Pure.

Readings, regime and stress are those of the decision before; prices alone move. Every answer is the comparison that the
rule makes, by columns and with a slack, so that it may be less sure than the rule and never surer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.core import longs
from bot.core.assessment import Exposure
from bot.core.calendars import next_slot
from bot.core.costs import funding_view
from bot.core.desk import Desk, contract_of
from bot.core.exposure import ledger
from bot.core.futures import BEAR_HEDGE, COMPLETED_WITHIN, no_futures
from bot.core.instruments import spot_symbol
from bot.core.leaning import Codes, Leanings, leanings
from bot.core.market import days, view
from bot.core.memory import Episode, Hedge, Memory
from bot.core.numbers import ONE, from_milliseconds, milliseconds
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from bot.core.prices import half_spread
from bot.core.rules import add, derisk, exits, index, margin, parity
from bot.core.sizing import AT_GOAL, CLOSE_ENOUGH, STRETCH, sign_of
from bot.core.snapshot import Snapshot
from bot.core.stirring import Said, bar_ms
from bot.core.targets import risk_view
from bot.core.targets.parity import RiskView
from bot.core.triggers import trend

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
SLACK: Final = 1e-9
MONEY_SLACK: Final = 1e-6
NEVER_MS: Final = np.iinfo(np.int64).max
SHARE_SLACK: Final = 1e-6  # shares of risk are floats of another order of sums
MOVE_SLACK: Final = 1e-6  # closes and ranges are rounded by decisions
#: Episodes that may wait with a reason, and which way they go.
WORKED: Final = (("add", "up"), ("calendar", "up"), ("trim", "down"))
CALM, WIDE, DEAR = 0, 1, 2  # a spread as usual; one that alarms; one that alarms and that normal orders may not pay


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Hours to come, were nothing traded: fractions of E and marks (n, k) by asset, E and money (n,).

    ``futures`` leaves index hedges out, ``index`` are those; ``notional`` is of all positions at mark, ``unrealised``
    their profit; ``said`` is what closed bars say.
    """

    at_ms: Ints
    worth: Floats
    mark: Floats
    spot: Floats
    futures: Floats
    index: Floats
    liquid: Floats
    available: Floats
    notional: Floats
    unrealised: Floats
    said: Said

    @property
    def net(self) -> Floats:
        """Net exposure, index hedges apart."""
        return self.spot + self.futures


#: What is held knows of the market, and memory changes nothing of.
OF_MARKET: Final = ("wide", "weights", "leanings", "risk")


@dataclass(frozen=True)
class Held:
    """What a decision left, and what it knew: looked at together.

    ``charted``: the snapshot with later candles, once a bar has closed since; quotes stay those of the decision, and so
    does the instant they and funding are asked at: they have not grown old, they are known to stand.
    """

    plan: Plan
    snapshot: Snapshot
    memory: Memory
    policy: Policy
    charted: Snapshot | None = None
    lately: tuple[Codes, Floats] | None = None  # `wide` and `weights` (k,), where read later than the decision

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

    @cached_property
    def wide(self) -> Codes:
        """(k,): what the spread of each asset said when this was read, as `Prospect.wide` has it."""
        if self.lately is not None:
            return self.lately[0]
        illiquid = self.plan.assessment.market.illiquid
        return np.array([self._wide(item.asset, illiquid.get(item.asset, "")) for item in self.items], dtype=np.int8)

    def _wide(self, asset: str, why: str) -> int:
        if not why.startswith("spread"):
            return CALM
        half = half_spread(spot_symbol(asset, self.policy.accounting_currency), self.snapshot)
        return WIDE if half is not None and half * 20_000 <= self.policy.windows.max_spread_bp else DEAR

    @cached_property
    def weights(self) -> Floats:
        """(k,): what alarms were weighed by when this was read."""
        return rounded(np.array([float(item.net) for item in self.items])) if self.lately is None else self.lately[1]

    @cached_property
    def leanings(self) -> Leanings:
        """What regime and stress hang on, as far as weights and spreads go."""
        return leanings(self.charts, self.policy, self.weights)

    @cached_property
    def risk(self) -> RiskView | None:
        """Between refreshes, what shares of risk are read by; None under another model, or where history is short."""
        policy = self.policy
        if policy.targets.model != "risk-parity":
            return None
        daily = {asset: days(asset, self.charts, policy).bars for asset in policy.assets}
        return risk_view(policy.assets, daily, self.charts.at, policy, self.memory.risk_budgets)

    def remembering(self, memory: Memory) -> Held:
        """The same with what is remembered now; what was worked out of the market is kept."""
        made = replace(self, memory=memory)
        made.__dict__.update({name: self.__dict__[name] for name in OF_MARKET if name in self.__dict__})
        return made

    def hedges(self, item: Exposure) -> list[Hedge]:
        """Shorts against the coins of an asset."""
        symbol = contract_of(item.asset, self.policy).symbol
        return [one for one in self.memory.hedges if one.symbol == symbol and one.purpose == "hedge"]

    def shut(self, item: Exposure, *, unknown: bool) -> bool:
        """Whether no short may be opened: no perpetual, or funding over the limit, or ``unknown`` and that is so."""
        return bool(no_futures(self.desk, item.asset)) or self.dear(item, unknown=unknown)

    def dear(self, item: Exposure, *, unknown: bool) -> bool:
        """Whether a short pays more than it may, or ``unknown`` and that is so."""
        view = funding_view(contract_of(item.asset, self.policy).symbol, self.desk)
        return unknown if view is None else view.paid_by_short() > self.policy.hedge_for(item.asset).funding_limit


def unstill(held: Held) -> str:
    """What of a portfolio with signals or futures has no form here; empty where all of it has."""
    plan, memory = held.plan, held.memory
    seen, keys = plan.assessment, held.policy
    last = [memory.last_trades.get(item.asset) for item in held.items if item.contracts]
    parts = (
        (any(why.startswith("depth") for why in seen.market.illiquid.values()), "a thin book"),
        (any(exits.leaving(held.desk, item) for item in held.items if item.coins), "an asset being left"),
        (longs.odd(held.desk, memory), "a long"),
        (any(one.purpose == "risk" for one in memory.hedges), "a risk short"),
        (any((one.direction, sign_of(one)) not in WORKED for one in memory.episodes), "an episode"),
        (any(one and plan.at < one.at + keys.pace.increment_interval for one in last), "an increment's interval"),
        (any(one.margin_mode == "isolated" for one in held.snapshot.positions), "isolated margin"),
        (held.snapshot.account.unified and held.snapshot.positions, "unified margin"),
        (_surplus_old(held), "a surplus of margin"),
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
        if item.contracts <= 0 and _let_run(held, item) and (episode is None or sign_of(episode) == "down"):
            over[:, place] = rows.said.running[:, place] & (drift < hard - SLACK)
        if held.plan.assessment.regime == "bear" and item.contracts <= 0:
            over[:, place] |= _hedged_in_bear(held, item, rows, place)
        if item.contracts == 0 and (episode is None or sign_of(episode) == "up"):
            under[:, place] = _no_adds(held, item, rows, place) | poor[:, place]
    return over, under


def _let_run(held: Held, item: Exposure) -> bool:
    """Whether what is strong up is trimmed at a speed of nothing (R-A1)."""
    return not held.policy.trim_for(item.asset).speed.strong_up and item.target > 0


def _no_adds(held: Held, item: Exposure, rows: Rows, place: int) -> Flags:
    """Where R-A10 and R-A15 let nothing be added, whatever the price."""
    seen = held.plan.assessment
    if seen.regime == "bear" or seen.stress >= add.STRESS_STOPS_ADDS:
        return np.ones(len(rows.at_ms), dtype=np.bool_)
    shunned = rows.said.shunned[:, place]
    last = held.memory.last_trades.get(item.asset)
    if last is None or last.direction != "down":
        return shunned
    made: Flags = (rows.at_ms < milliseconds(last.at + add.AFTER_TRIM)) & ~rows.said.welcome[:, place]
    return made | shunned


def _too_poor(held: Held, rows: Rows) -> Flags:
    """(n, k): where dry powder is too little for the least step, and nothing in the futures wallet makes up for it.

    What enters by a bridge may do with less.
    """
    policy, seen = held.policy, held.plan.assessment
    powder = np.maximum(0.0, rows.liquid - float(policy.targets.stables.floor) * rows.worth)
    at_hand = (rows.available < float(add.LEAST_MOVE) - MONEY_SLACK) | (float(seen.stables.spot_free) >= powder)
    made = np.zeros(rows.net.shape, dtype=np.bool_)
    if policy.targets.model == "momentum":
        return made
    for place, item in enumerate(held.items):
        if policy.add_for(item.asset).route == "bridge":
            continue
        episode, gap = held.memory.episode(item.asset), float(item.target) - rows.net[:, place]
        if episode is not None:
            gap = float(episode.goal or 0) - rows.net[:, place]
        elif policy.goal_for(item.asset) != "target":
            gap = float(item.band_low) - rows.net[:, place]  # the edge lies beyond it
        least = np.minimum(np.minimum(float(policy.add_for(item.asset).increment * STRETCH), gap), float(add.LEAST_CUT))
        made[:, place] = at_hand & (least > 0) & (powder < least * rows.worth - MONEY_SLACK)
        if seen.regime != "bear":
            made[:, place] &= ~rows.said.bottoming[:, place]
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
    made = np.ones(len(rows.at_ms), dtype=np.bool_)
    if not held.policy.triggers.trend or not held.policy.signals.enabled:
        return made
    for place, item in enumerate(held.items):
        half = float(item.band) / 2 - SLACK
        made &= ~rows.said.edge[:, place] | (drift[:, place] < half) | over[:, place]
        if trend.trimmed(item, held.memory, held.plan.at):
            made &= ~rows.said.recovered[:, place] | (-drift[:, place] < half) | under[:, place]
    return made


def unspiked(held: Held, rows: Rows, move: Floats) -> Flags:
    """(n,): no closed bar and no running ``move`` (n, k), in ATR, out of the ordinary (R-G4)."""
    far: Flags = move >= float(held.policy.spike.atr) - MOVE_SLACK
    calm: Flags = ~np.any(far | rows.said.spiking, axis=1)
    return calm


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
            near = np.minimum(net, neutral) - target < float(derisk.BEAR_STEP) - SLACK
            made &= near if near.all() else near | _until(_stepped_until(held, item), rows.at_ms)
            half = float(derisk.HALF * seen.neutral_bands.get(item.asset, item.band))
            near = net - neutral < half - SLACK
            made &= near if near.all() else near | _until(_hedged_until(held, item), rows.at_ms)
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
    able = np.array([
        not held.shut(held.items[place], unknown=False) and held.items[place].contracts <= 0 for place in places
    ])  # fmt: skip
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
        if item.contracts >= 0:
            continue
        keys, facts = held.policy.hedge_for(item.asset), held.hedges(item)
        unhedged = rows.spot[:, place] - float(item.target)
        made &= rows.net[:, place] > float(item.band_low) + SLACK
        made &= unhedged > float(keys.unwind * item.band) + SLACK
        bear = any(one.reason.startswith(BEAR_HEDGE) for one in facts)
        if not bear:
            made &= ~rows.said.falling[:, place]
        if held.dear(item, unknown=False):
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
    """(n,): weights that follow from risk are not refreshed (R-T1, R-T5)."""
    keys = held.policy.targets
    by_risk = any(sleeve.weighting not in ("equal", "fixed") for sleeve in keys.sleeves.values())
    if not by_risk and keys.model != "risk-parity":
        return np.ones(len(at_ms), dtype=np.bool_)
    return _until(next_slot(keys.risk_parity.refresh, held.plan.at), at_ms)


def budgeted(held: Held, rows: Rows) -> Flags:
    """(n,): no share of risk is over its budget by the tolerance where a short could be opened for it (R-T5).

    With `lift`, none is under it by the tolerance either.
    """
    keys, view = held.policy.targets.risk_parity, held.risk
    if view is None:
        return np.full(len(rows.at_ms), not held.plan.assessment.risk)
    pull = rows.net @ view.covariance
    whole = (rows.net * pull).sum(axis=1)[:, None]
    shares = np.where(whole > 0, rows.net * pull / np.where(whole > 0, whole, 1.0), 0.0)
    budgets = np.array([view.budgets[item.asset] for item in held.items])
    free = [held.policy.hedge_for(item.asset).enabled and not held.shut(item, unknown=True) for item in held.items]
    high = (shares > float(ONE + keys.tolerance) * budgets - SHARE_SLACK) & np.array(free)
    low = shares < float(ONE - keys.tolerance) * budgets + SHARE_SLACK
    # Shares of risk mean little in a portfolio that is still being filled.
    filling = (rows.net < float(parity.HALF) * np.array([float(item.target) for item in held.items]) - SLACK).any(
        axis=1
    )
    made: Flags = filling | ~np.any(high | (low & keys.lift), axis=1)
    return made


def rounded(net: Floats) -> Floats:
    """What alarms are weighed by: net exposures without their signs, to nine digits as decisions have them."""
    return np.round(np.abs(net), 9).astype(np.float64, copy=False)


def weights_of(held: Held, net: Floats) -> dict[str, float]:
    """The same of one instant, (k,), by asset."""
    return {item.asset: each for item, each in zip(held.items, rounded(net).tolist(), strict=True)}


def live_of(held: Held, wide: Codes) -> dict[str, str]:
    """Which assets are illiquid by their spread, of (k,) codes."""
    return {item.asset: "spread" for item, code in zip(held.items, wide.tolist(), strict=True) if code}


def tolerable(held: Held, wide: Codes) -> Flags:
    """(n,): nothing is left or called illiquid for its spread that was not, of codes (n, k).

    A spread alone makes nobody leave while normal orders may pay it (R-A17); where something else is dry beside it,
    nothing may have changed at all.
    """
    same: Flags = np.all(wide == held.wide, axis=1)
    if held.leanings.dry or (held.wide == DEAR).any():
        return same
    cheap: Flags = np.all(wide != DEAR, axis=1)
    return same | cheap


def as_it_was(held: Held, at_ms: Ints, net: Floats, wide: Codes, still: Flags, since: Flags) -> int:
    """How many hours from the first on have the regime and the stress that were; no bar that stirs closes in them.

    Alarms are weighed by what is held: ``net``, ``wide`` and ``still`` (whose volume alarms) are (n, k); ``since``
    (m, k) is ``still`` of the hours passed since the charts were read, whose closes are weighed anew too. Where that
    cannot be told by columns, the market is looked at again.
    """
    if not held.policy.stress.enabled:
        return len(at_ms)
    sure = held.leanings.same((held.weights, held.wide), rounded(net), wide, still, since)
    length_ms = bar_ms(held.policy) or NEVER_MS
    for row in np.flatnonzero(~sure).tolist():
        if int(at_ms[row]) // length_ms != milliseconds(held.charts.at) // length_ms:
            return int(row)  # the charts are of another bar
        weights, live = weights_of(held, net[row]), live_of(held, wide[row])
        found = view(
            held.charts.model_copy(update={"at": from_milliseconds(int(at_ms[row]))}), held.policy, weights, live=live
        )
        seen = held.plan.assessment
        if (found.regime, found.stress) != (seen.regime, seen.stress):
            return int(row)
    return len(at_ms)
