"""Owns what a run over the past leaves: curve, decisions, fills, payments; as values and as files in a folder.

The folder holds `summary.json` (name, configuration, span, ledger), `curve.csv` (one row per cycle), `decisions.jsonl`
(plans as the plan contract has them, holds and repeated refusals folded into counts), `fills.csv`, `payments.csv`.

`curve.csv`: `at` (ms), `equity`, `liquid` (accounting currency), `flow` (money in since the row before), `hedges`
(what hedges brought since the first row), then for each asset A `A.price`, `A.spot`, `A.futures`, `A.target`, `A.low`,
`A.high` (weights are fractions of equity); empty is unknown. `fills.csv`: one row per fill, `qty` signed base units,
`reference` the mid that the decision saw, `fee` in accounting currency (empty is unknown), `coins_each` coins in a base
unit. `payments.csv`: funding and interest, + = received.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bot.backtest.ledger import Ledger, ledger_of
from bot.core.numbers import ONE, canonical_json, plain, utc_text

Floats = NDArray[np.float64]
SUMMARY, CURVE, DECISIONS, FILLS, PAYMENTS = (
    "summary.json",
    "curve.csv",
    "decisions.jsonl",
    "fills.csv",
    "payments.csv",
)
COLUMNS: Final = ("price", "spot", "futures", "target", "low", "high")  # per asset, in this order


class ResultError(ValueError):
    """A folder that holds no readable result: one line with the file and what would be right."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One row per cycle, n rows and k assets. Money in accounting currency, weights as fractions of equity.

    ``equity`` and ``liquid`` are (n,); the others (n, k): mid price, spot and futures weight (net is their sum), target
    and band. NaN is unknown. ``flows`` (n,) is money that came in (out: below 0) since the row before. ``hedges`` (n,):
    what short positions that hedge brought since the first row, costs and funding included; None: nobody counted it.
    """

    times_ms: NDArray[np.int64]
    equity: Floats
    liquid: Floats
    flows: Floats
    assets: tuple[str, ...]
    price: Floats
    spot: Floats
    futures: Floats
    target: Floats
    low: Floats
    high: Floats
    hedges: Floats | None = None

    @property
    def net(self) -> Floats:
        """Net exposure, (n, k)."""
        return self.spot + self.futures

    def __len__(self) -> int:
        return len(self.times_ms)


@dataclass(frozen=True, slots=True)
class Trade:
    """One fill with the reason it happened for.

    ``qty`` signed base units of ``coins_each`` coins; ``fee`` in accounting currency, None where its worth is unknown.
    """

    at: datetime
    decision_id: str
    action_id: str
    kind: str
    rule: str
    purpose: str
    symbol: str
    asset: str
    qty: Decimal
    price: Decimal
    reference: Decimal | None  # the mid that the decision saw
    fee: Decimal | None
    coins_each: Decimal = ONE

    @property
    def notional(self) -> Decimal:
        """Unsigned, accounting currency."""
        return abs(self.qty) * self.price


@dataclass(frozen=True, slots=True)
class Payment:
    """Funding or interest: ``amount`` in accounting currency (interest: in units of ``symbol``), + = received."""

    at: datetime
    kind: str  # funding | interest
    symbol: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Result:
    """One run over the past (or over a live record), ready to be judged.

    ``decisions`` are the plans with actions or refusals, as bodies of the plan contract, oldest first; one that refuses
    the very wishes of the one before, and does nothing else, is counted as a repeat and not told again. ``counts`` says
    how many decisions, holds, repeats, actions and refusals by kind, and orders by state there were.
    """

    name: str
    config: Mapping[str, Any]
    currency: str
    since: datetime
    until: datetime
    curve: Curve
    trades: tuple[Trade, ...] = ()
    payments: tuple[Payment, ...] = ()
    decisions: tuple[Mapping[str, Any], ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    ledger: Ledger | None = None  # None where no decision knew its equity


def write(result: Result, folder: Path) -> None:
    """Write a result; files that are there are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "name": result.name,
        "currency": result.currency,
        "since": utc_text(result.since),
        "until": utc_text(result.until),
        "assets": list(result.curve.assets),
        "counts": dict(result.counts),
        "notes": list(result.notes),
        "config": dict(result.config),
        "ledger": None if result.ledger is None else result.ledger.body(),
    }
    (folder / SUMMARY).write_text(json.dumps(about, indent=1, default=str) + "\n", encoding="utf-8")
    curve = result.curve
    header = [
        "at",
        "equity",
        "liquid",
        "flow",
        "hedges",
        *(f"{name}.{word}" for name in curve.assets for word in COLUMNS),
    ]
    _write_rows(folder / CURVE, header, _curve_rows(curve))
    with (folder / DECISIONS).open("w", encoding="utf-8") as file:
        file.writelines(canonical_json(body) + "\n" for body in result.decisions)
    _write_rows(folder / FILLS, _TRADE, (_trade_row(trade) for trade in result.trades))
    paid = ([utc_text(item.at), item.kind, item.symbol, plain(item.amount)] for item in result.payments)
    _write_rows(folder / PAYMENTS, _PAYMENT, paid)


def read(folder: Path) -> Result:
    """Read a result; raises `ResultError`."""
    try:
        about = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        return Result(
            name=about["name"],
            config=about["config"],
            currency=about["currency"],
            since=datetime.fromisoformat(about["since"]),
            until=datetime.fromisoformat(about["until"]),
            curve=_read_curve(folder / CURVE, tuple(about["assets"])),
            trades=tuple(_trade_of(row) for row in _read_rows(folder / FILLS, _TRADE)),
            payments=tuple(_payment_of(row) for row in _read_rows(folder / PAYMENTS, _PAYMENT)),
            decisions=tuple(_read_decisions(folder / DECISIONS)),
            counts=about["counts"],
            notes=tuple(about["notes"]),
            ledger=ledger_of(about["ledger"]) if about.get("ledger") else None,
        )
    except FileNotFoundError as error:
        raise ResultError(f"{error.filename}: is missing; `ballast backtest --out {folder}` writes it") from error
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        if isinstance(error, ResultError):
            raise
        raise ResultError(f"{folder}: is no result of `ballast backtest --out`: {error!r}") from error


# ---- rows

_TRADE: Final = (
    "at", "decision_id", "action_id", "kind", "rule", "purpose",
    "symbol", "asset", "qty", "price", "reference", "fee", "coins_each",
)  # fmt: skip
_PAYMENT: Final = ("at", "kind", "symbol", "amount")


def _trade_row(trade: Trade) -> list[str]:
    words = [trade.decision_id, trade.action_id, trade.kind, trade.rule, trade.purpose, trade.symbol, trade.asset]
    reference = "" if trade.reference is None else plain(trade.reference)
    fee = "" if trade.fee is None else plain(trade.fee)
    each = plain(trade.coins_each)
    return [utc_text(trade.at), *words, plain(trade.qty), plain(trade.price), reference, fee, each]


def _trade_of(row: Mapping[str, str]) -> Trade:
    words = {name: row[name] for name in _TRADE[1:8]}
    return Trade(
        at=datetime.fromisoformat(row["at"]),
        **words,
        qty=Decimal(row["qty"]),
        price=Decimal(row["price"]),
        reference=Decimal(row["reference"]) if row["reference"] else None,
        fee=Decimal(row["fee"]) if row["fee"] else None,
        coins_each=Decimal(row["coins_each"]),
    )


def _payment_of(row: Mapping[str, str]) -> Payment:
    return Payment(datetime.fromisoformat(row["at"]), row["kind"], row["symbol"], Decimal(row["amount"]))


def _curve_rows(curve: Curve) -> Iterator[list[str]]:
    hedges = np.full(len(curve), np.nan) if curve.hedges is None else curve.hedges
    wide = np.stack([getattr(curve, word) for word in COLUMNS], axis=2).reshape(len(curve), -1)
    table = np.column_stack((curve.equity, curve.liquid, curve.flows, hedges, wide))
    for time_ms, numbers in zip(curve.times_ms.tolist(), table.tolist(), strict=True):
        yield [str(time_ms), *("" if number != number else repr(number) for number in numbers)]  # noqa: PLR0124 - NaN


def _read_curve(path: Path, assets: tuple[str, ...]) -> Curve:
    rows = list(_read_rows(path, ("at", "equity")))
    times = np.array([int(row["at"]) for row in rows], dtype=np.int64)

    def column(name: str) -> Floats:
        return np.array([float(row[name] or "nan") for row in rows])

    def block(word: str) -> Floats:
        columns = [column(f"{name}.{word}") for name in assets]
        return np.column_stack(columns) if columns else np.empty((len(rows), 0))

    hedges = column("hedges")
    head = (column("equity"), column("liquid"), column("flow"))
    blocks = {word: block(word) for word in COLUMNS}
    return Curve(times, *head, assets, **blocks, hedges=None if np.isnan(hedges).all() else hedges)


def _write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def _read_rows(path: Path, columns: Sequence[str]) -> Iterator[Mapping[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise ResultError(f"{path}: has no column {', '.join(missing)}")
        yield from reader


def _read_decisions(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise ResultError(f"{path}, line {number}: is no JSON: {error}") from error
