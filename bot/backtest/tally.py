"""Owns the counting along a run: one curve row per decision, then fills and payments out of the record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bot.backtest.ledger import Bookkeeper
from bot.backtest.result import COLUMNS, Curve, Floats, Payment, Result, Trade
from bot.core.events import Event
from bot.core.instruments import base_of
from bot.core.numbers import ONE, from_milliseconds, milliseconds
from bot.core.plan_record import Plan
from bot.core.verdicts import Refused
from bot.ports.store import OrderRow, Record

EVERY_ORDER: Final = 10_000_000
ALIAS: Final = "venue.aliases."
PLACES: Final = 9  # of fractions, as decisions have them
NAN: Final = float("nan")
Cells = tuple[float, float, float, float, float, float]  # as COLUMNS
TO_ITS_END: Final = timedelta(microseconds=999)  # rows know whole milliseconds, facts their microseconds
UNKNOWN: Final[Cells] = (NAN,) * 6


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """Hours in which nothing was traded: (n,) equity and liquid stables, (n, k) mids and marks by asset."""

    equity: Floats
    liquid: Floats
    price: Floats
    mark: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Rows of the curve: (n,) instants, equity and liquid stables, (n, k) prices and weights, (3, k) bands."""

    times_ms: NDArray[np.int64]
    equity: Floats
    liquid: Floats
    assets: tuple[str, ...]
    price: Floats
    spot: Floats
    futures: Floats
    bands: Floats

    def table(self, assets: tuple[str, ...]) -> Floats:
        """Its rows as those of the curve, (n, of these assets, as COLUMNS)."""
        made = np.full((len(self.times_ms), len(assets), len(COLUMNS)), NAN)
        place = [assets.index(name) for name in self.assets]
        made[:, place, 0], made[:, place, 1], made[:, place, 2] = self.price, self.spot, self.futures
        made[:, place, 3:] = self.bands.T
        return made


class Tally:
    """Takes decisions as they are made, or as a record tells them; gives a `Result` at the end."""

    def __init__(self, currency: str) -> None:
        self._currency = currency
        self._rows: list[tuple[int, float, float, Mapping[str, Cells]]] = []
        self._still: list[_Block] = []
        self._spoken: list[Mapping[str, Any]] = []
        self._refused: object = None  # what the last decision refused, if it did nothing else
        self._rules: dict[str, str] = {}  # action id -> rule
        self.counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._rows) + sum(len(block.times_ms) for block in self._still)

    def take(self, plan: Plan) -> None:
        """One decision as it was made."""
        seen = plan.assessment
        cells: dict[str, Cells] = {
            item.asset: (float(item.price), float(item.spot), float(item.futures), *_band(item))
            for item in seen.exposures
            if item.price is not None
        }
        equity = NAN if seen.equity is None else float(seen.equity)
        self._rows.append((milliseconds(plan.at), equity, float(seen.stables.liquid), cells))
        refused = tuple((item.wish.asset, item.wish.kind, _gates(item)) for item in plan.blocked)
        if refused and not plan.actions and refused == self._refused:
            self._repeat(item.wish.kind for item in plan.blocked)
            return
        self._refused = None if plan.actions else refused
        self._count(plan.body() if plan.actions or plan.blocked else None)

    def stood(self, plan: Plan, times_ms: NDArray[np.int64], still: Still) -> None:
        """Hours passed after a hold: (n,) instants, and what there was to see of holdings as they were."""
        items = plan.assessment.exposures
        with np.errstate(invalid="ignore"):
            spot, futures = (
                np.round(prices * np.array([float(size) for size in sizes]) / still.equity[:, None], PLACES)
                for prices, sizes in (
                    (still.price, [item.coins for item in items]),
                    (still.mark, [item.contracts for item in items]),
                )
            )
        bands = np.array([_band(item) for item in items]).reshape(len(items), 3).T
        names = tuple(item.asset for item in items)
        self._still.append(_Block(times_ms, still.equity, still.liquid, names, still.price, spot, futures, bands))
        self.counts["decisions"] += len(times_ms)
        self.counts["holds"] += len(times_ms)

    def take_body(self, body: Mapping[str, Any]) -> None:
        """One decision as the plan contract tells it."""
        equity = NAN if body["equity"] is None else float(body["equity"])
        liquid = body["stables"]["liquid"]
        cells: dict[str, Cells] = {}
        for item in body["exposures"]:
            if item["price"] is not None and item["net"] is not None:
                band = (float(item["target"]), float(item["band"][0]), float(item["band"][1]))
                cells[item["asset"]] = (float(item["price"]), float(item["spot"]), float(item["futures"]), *band)
        at_ms = milliseconds(datetime.fromisoformat(body["at"]))
        self._rows.append((at_ms, equity, NAN if liquid is None else float(liquid) * equity, cells))
        self._count(body if body["actions"] or body["blocked"] else None)

    def _repeat(self, kinds: Iterable[str]) -> None:
        self.counts["decisions"] += 1
        self.counts["repeats"] += 1
        for kind in kinds:
            self.counts[f"blocked.{kind}"] += 1

    def _count(self, body: Mapping[str, Any] | None) -> None:
        self.counts["decisions"] += 1
        if body is None:
            self.counts["holds"] += 1
            return
        self._spoken.append(body)
        for action in body["actions"]:
            self.counts[f"actions.{action['kind']}"] += 1
            self._rules[action["id"]] = action["rule"]
        for action in body["blocked"]:
            self.counts[f"blocked.{action['kind']}"] += 1

    async def result(
        self, record: Record, *, name: str, config: Mapping[str, Any], notes: Sequence[str] = ()
    ) -> Result:
        """What came of it; raises ValueError where there was no decision."""
        if not len(self):
            raise ValueError(f"{name}: no decision was made, so there is nothing to tell")
        orders = {row.intent.client_id: row for row in await record.orders(EVERY_ORDER)}
        for row in orders.values():
            self.counts[f"orders.{row.state.value}"] += 1
        times = self._times()
        first, last = int(times.min()), int(times.max())
        each = coins_each(config)
        book = Bookkeeper(
            self._currency,
            {name: row.intent.reference for name, row in orders.items()},
            coins_each=each,
            since=from_milliseconds(first),
            until=from_milliseconds(last) + TO_ITS_END,
        )
        paid: list[Payment] = []
        async for event in record.events():
            book.take(event)
            paid += _payments(event)
        trades = [self._trade(fill, orders, each) for fill in await record.fills()]
        return Result(
            name=name,
            config=config,
            currency=self._currency,
            since=from_milliseconds(first),
            until=from_milliseconds(last),
            curve=self._curve(book),
            trades=tuple(trade for trade in trades if first <= milliseconds(trade.at)),
            payments=tuple(item for item in paid if first <= milliseconds(item.at)),
            decisions=tuple(self._spoken),
            counts=dict(self.counts),
            notes=tuple(notes),
            ledger=book.ledger(),
        )

    def _times(self) -> NDArray[np.int64]:
        """Of decided rows, then of passed ones."""
        decided = np.array([row[0] for row in self._rows], dtype=np.int64)
        return np.concatenate([decided, *(block.times_ms for block in self._still)])

    def _curve(self, book: Bookkeeper) -> Curve:
        told = {name for row in self._rows for name in row[3]}
        assets = tuple(sorted(told.union(*(block.assets for block in self._still))))
        table = np.array([[row[3].get(name, UNKNOWN) for name in assets] for row in self._rows], dtype=np.float64)
        tables = [table.reshape(len(self._rows), len(assets), len(COLUMNS))]
        tables += [block.table(assets) for block in self._still]
        times = self._times()
        equity = np.concatenate([np.array([row[1] for row in self._rows]), *(block.equity for block in self._still)])
        liquid = np.concatenate([
            np.array([row[2] for row in self._rows]),
            *(block.liquid for block in self._still),
        ])  # fmt: skip
        order = np.argsort(times, kind="stable")
        whole, times = np.concatenate(tables)[order], times[order]
        blocks = {word: whole[:, :, place] for place, word in enumerate(COLUMNS)}
        flows = _on_rows(times, book.flows)
        return Curve(times, equity[order], liquid[order], flows, assets, **blocks, hedges=_so_far(times, book.hedges))

    def _trade(self, fill: Mapping[str, Any], orders: Mapping[str, OrderRow], each: Mapping[str, Decimal]) -> Trade:
        order = orders.get(fill["client_id"])
        action = order.intent.action_id if order else ""
        return Trade(
            at=fill["at"],
            decision_id=fill["decision_id"] or "",
            action_id=action,
            kind=order.intent.kind if order else "outside",
            rule=self._rules.get(action, ""),
            purpose=str(fill["purpose"]),
            symbol=fill["symbol"],
            asset=fill["asset"],
            qty=fill["qty"],
            price=fill["price"],
            reference=order.intent.reference if order else None,
            fee=fill["fee_value"] if fill["fee_value"] is not None or fill["fee"] else Decimal(0),
            coins_each=each.get(base_of(fill["symbol"]), ONE),
        )


def _on_rows(times: NDArray[np.int64], flows: Iterable[tuple[datetime, Decimal]]) -> Floats:
    """Each flow on the first row that can have seen it."""
    made = np.zeros(len(times))
    for at, worth in flows:
        row = int(np.searchsorted(times, milliseconds(at)))
        if 0 < row < len(times):
            made[row] += float(worth)
    return made


def _so_far(times: NDArray[np.int64], told: Sequence[tuple[datetime, Decimal]]) -> Floats:
    """What was told last at each row."""
    known = np.array([(milliseconds(at), float(value)) for at, value in told] or [(0, 0.0)])
    made: Floats = known[np.maximum(np.searchsorted(known[:, 0], times, side="right") - 1, 0), 1]
    return made


def coins_each(config: Mapping[str, Any]) -> dict[str, Decimal]:
    """Base -> coins of its asset in one unit, of markets of several, from a configuration's rows."""
    rows = {name.removeprefix(ALIAS): value for name, value in config.items() if name.startswith(ALIAS)}
    return {
        name.removesuffix(".multiplier"): Decimal(str(value))
        for name, value in rows.items()
        if name.endswith(".multiplier")
    }


def _gates(item: Refused) -> tuple[tuple[str, str], ...]:
    return tuple((verdict.gate, verdict.verdict) for verdict in item.not_passed)


def _band(item: Any) -> tuple[float, float, float]:
    return float(item.target), float(item.band_low), float(item.band_high)


def _payments(event: Event) -> Iterable[Payment]:
    if event.kind == "funding":
        yield Payment(event.at, "funding", str(event.body["symbol"]), -Decimal(str(event.body["paid"])))
    elif event.kind == "flow" and event.body.get("kind") == "interest":
        yield Payment(event.at, "interest", str(event.body["asset"]), Decimal(str(event.body["amount"])))
