"""Owns which edits of a configuration raise risk: limits, leverage, cash, brakes. Compares; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from bot.core.policy import shown
from bot.settings.settings import Settings

#: Keys whose greater value lets more happen.
MORE: Final = frozenset(
    [
        "limits.leverage",
        "limits.gross",
        "limits.order_value_max",
        "limits.price_collar",
        "limits.safety_collar",
        "limits.drawdown",
        "limits.depeg",
        "limits.repeats",
        "limits.price_jump",
        "limits.fees_per_day",
        "limits.loss_per_day",
        "limits.asset_over_target",
        "limits.age_max.quotes",
        "limits.age_max.balances",
        "limits.age_max.positions",
        "limits.age_max.funding",
        "pace.turnover_per_day",
        "pace.turnover_derisk",
        "pace.orders_per_minute",
        "pace.orders_per_hour",
        "windows.max_spread_bp",
        "windows.depth_share",
        "windows.depth_within",
        "spike.atr",
        "spike.spread_ratio",
        "hedge.leverage",
        "hedge.max_ratio",
        "hedge.funding_limit",
        "hedge.max_age",
        "hedge.bear_size",
        "hedge.index.max",
        "hedge.index.ratio",
        "bridge.leverage",
        "bridge.leverage_cap",
        "bridge.max_exposure",
        "bridge.funding_limit",
        "bridge.funding_budget",
        "bridge.stop",
        "bridge.max_age",
        "bridge.stagnation",
        "add.increment",
        "execution.slice_max",
    ]
)
#: Keys whose smaller value lets more happen.
LESS: Final = frozenset(
    [
        "targets.stables.weight",
        "targets.stables.floor",
        "targets.stables.buffer",
        "limits.liquidation_distance",
        "limits.top_up_distance",
        "bridge.liquidation_distance",
        "pace.increment_interval",
        "pace.cooldown",
        "pace.whipsaw",
        "spike.cooloff",
        "costs.min_ratio",
    ]
)
#: Switches that let something happen while they are on.
ON: Final = frozenset(
    [
        "hedge.enabled",
        "hedge.index.enabled",
        "bridge.enabled",
        "venue.futures",
        "venue.unchecked_key",
        "targets.risk_parity.lift",
    ]
)
#: Keys of the same groups that make a decision another one and not a bolder one.
NEITHER: Final = frozenset(
    ["targets.stables.tolerance", "targets.stables.refill", "hedge.unwind", "hedge.min_size", "execution.maker_wait"]
)
RESOLVED: Final = ("add", "hedge", "bridge")  # groups that a sleeve or its role may set for its coins
WORDS: Final[Mapping[str, tuple[object, object]]] = {  # the careful word, and the one that is less so
    "approve": ("manual", "auto"),
    "add.route": ("spot", "bridge"),
}


def raised(before: Settings, after: Settings) -> list[str]:
    """Each change that lets more happen than before, as `key: was → is`, in order of key.

    A kill switch that was lowered is none of them: whatever set a level, only a resume lowers it.
    """
    return sorted({*_of_the_whole(before, after), *_of_coins(before, after)})


def _of_the_whole(before: Settings, after: Settings) -> Iterator[str]:
    was, now = (dict(leaves(each)) for each in (before, after))
    for key in was.keys() & now.keys():
        if bolder(key, was[key], now[key]):
            yield _line(key, was[key], now[key])
    if before.windows.schedule != after.windows.schedule and after.windows.schedule == "always":
        yield "windows.schedule: hours → always"
    if before.venue.dead_man and not after.venue.dead_man:
        yield _line("venue.dead_man", before.venue.dead_man, after.venue.dead_man)
    for name, sleeve in before.targets.sleeves.items():
        cap = after.targets.sleeves[name].cap if name in after.targets.sleeves else sleeve.cap
        if sleeve.cap is not None and (cap is None or cap > sleeve.cap):
            yield _line(f"targets.sleeves.{name}.cap", sleeve.cap, "none" if cap is None else cap)
    for regime, overlay in before.targets.regimes.items():
        cash = getattr(after.targets.regimes.get(regime), "stables", None)
        if overlay.stables is not None and (cash is None or cash < overlay.stables):
            yield _line(f"targets.regimes.{regime}.stables", overlay.stables, "none" if cash is None else cash)


def _of_coins(before: Settings, after: Settings) -> Iterator[str]:
    """What a sleeve or its role lets its coins do, where the portfolio's own keys stayed as they were."""
    old, new = before.policy(), after.policy()
    for asset in sorted(set(old.assets) & set(new.assets)):
        was, now = old.resolved(asset), new.resolved(asset)
        if more := sorted(now.instruments - was.instruments):
            yield f"instruments of {asset}: {' and '.join(more)} new"
        for group in RESOLVED:
            whole = [dict(_inner(group, getattr(each, group))) for each in (before, after)]
            mine = [dict(_inner(group, getattr(each, group))) for each in (was, now)]
            for key in mine[0].keys() & mine[1].keys():
                told = bolder(key, whole[0].get(key), whole[1].get(key))
                if not told and bolder(key, mine[0][key], mine[1][key]):
                    yield _line(f"{key} of {asset}", mine[0][key], mine[1][key])


def bolder(key: str, was: Any, now: Any) -> bool:
    """Whether one key's change lets more happen."""
    if was == now or was is None or now is None:
        return False
    if key in MORE:
        return bool(now > was)
    if key in LESS:
        return bool(now < was)
    if key in ON:
        return bool(now)
    return WORDS.get(key) == (was, now)


def leaves(settings: Settings) -> Iterator[tuple[str, Any]]:
    """The plain values under their dotted keys, without maps, lists and secrets."""
    for name in type(settings).model_fields:
        yield from _inner(name, getattr(settings, name))


def _inner(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    fields = getattr(type(value), "model_fields", None)
    if fields is not None:
        for name in fields:
            yield from _inner(f"{key}.{name}", getattr(value, name))
    elif isinstance(value, bool | int | Decimal | timedelta | str):
        yield key, value


def _line(key: str, was: object, now: object) -> str:
    return f"{key}: {_word(was)} → {_word(now)}"


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return shown(value).strip("'")
