"""Owns the snapshot: all that a decision may see, parsed, validated and put into one order. No I/O, no clock."""

from __future__ import annotations

import hashlib
import json
import weakref
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cached_property, partial
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from bot.core.instruments import Market
from bot.core.memory import Instant, Memory
from bot.core.numbers import canonical_json, digest
from bot.core.texts import fields_of, joined, texts_of_list, texts_of_map

Kill = Literal["off", "freeze", "halt", "flatten"]
KILL_LEVELS: tuple[Kill, ...] = ("off", "freeze", "halt", "flatten")

Number = Annotated[Decimal, Field(allow_inf_nan=False)]
Positive = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
BAR_COLUMNS = 6  # ms, open, high, low, close, volume


class SnapshotError(ValueError):
    """A snapshot that cannot be read; its text is one line per fault: place, value and what would be right."""


def _bars(rows: object) -> NDArray[np.float64]:
    """Candles as a read-only (n, 6) array, oldest first; a duplicate time, a hole or a price <= 0 is refused."""
    if isinstance(rows, np.ndarray) and rows.dtype == np.float64 and not rows.flags.writeable:
        return rows
    try:
        bars = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError) as error:
        message = "candles must be rows of six numbers [ms, open, high, low, close, volume]"
        raise ValueError(message) from error
    if bars.size == 0:
        bars = bars.reshape(0, BAR_COLUMNS)
    if bars.ndim != 2 or bars.shape[1] != BAR_COLUMNS:  # noqa: PLR2004 - rows by columns
        message = "candles must be rows of six numbers [ms, open, high, low, close, volume]"
        raise ValueError(message)
    if not np.isfinite(bars).all():
        message = "candles hold a number that is not finite"
        raise ValueError(message)
    if len(bars) > 1 and not (np.diff(bars[:, 0]) > 0).all():
        bars = bars[np.argsort(bars[:, 0], kind="stable")]
        if not (np.diff(bars[:, 0]) > 0).all():
            message = "candles hold the same time twice"
            raise ValueError(message)
    if (bars[:, 1:5] <= 0).any() or (bars[:, 5] < 0).any():
        message = "candles hold a price that is not above 0, or a negative volume"
        raise ValueError(message)
    bars.setflags(write=False)
    return bars


Bars = Annotated[NDArray[np.float64], BeforeValidator(_bars), PlainSerializer(lambda bars: bars.tolist())]


class _Noun(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class AccountKind(_Noun):
    """What sort of account it is and what may be done with it."""

    id: str | None = None
    unified: bool = False
    margin_mode: Literal["cross", "isolated"] = "cross"
    can: tuple[Literal["swap", "transfer", "earn"], ...] = ("swap", "transfer")


class Control(_Noun):
    """The effective kill level and what an operator halted by asset (R-G1, R-G15)."""

    kill: Kill = "off"
    halted_assets: tuple[str, ...] = ()
    reason: str | None = None


class Balance(_Noun):
    """Coins in one wallet; the futures wallet without unrealised PnL."""

    wallet: Literal["spot", "futures", "earn", "unified"]
    asset: str
    free: NonNegative
    locked: NonNegative = Decimal(0)
    at: Instant | None = None

    @property
    def total(self) -> Decimal:
        """Free and locked, in coins."""
        return self.free + self.locked


class Position(_Noun):
    """One perpetual position; ``contracts`` x ``contract_size`` are base units, positive; ``side`` gives the sign."""

    symbol: str
    side: Literal["long", "short"]
    contracts: NonNegative
    contract_size: Positive = Decimal(1)
    entry_price: Positive | None = None
    mark_price: Positive | None = None
    leverage: Positive | None = None
    margin_mode: Literal["cross", "isolated"] | None = None
    liquidation_price: NonNegative | None = None
    initial_margin: NonNegative | None = None
    maintenance_margin: NonNegative | None = None
    unrealised_pnl: Number | None = None
    at: Instant | None = None

    @property
    def quantity(self) -> Decimal:
        """Signed base units: + long, - short."""
        size = self.contracts * self.contract_size
        return size if self.side == "long" else -size


class OpenOrder(_Noun):
    """An own order that is open or whose outcome is unknown; ``amount`` in base units."""

    symbol: str
    side: Literal["buy", "sell"]
    amount: NonNegative
    filled: NonNegative = Decimal(0)
    price: Positive | None = None
    reduce_only: bool = False
    client_id: str
    action: str | None = None
    state: Literal["open", "unknown"]

    @property
    def rest(self) -> Decimal:
        """What may still fill, signed base units."""
        rest = max(Decimal(0), self.amount - self.filled)
        return rest if self.side == "buy" else -rest


class Ticker(_Noun):
    """Best bid and ask and the last price; ``quote_volume`` over 24 h in quote currency. None = unknown."""

    bid: NonNegative | None = None
    ask: NonNegative | None = None
    last: NonNegative | None = None
    quote_volume: NonNegative | None = None
    at: Instant | None = None


class Funding(_Noun):
    """The funding rate per interval, + = longs pay."""

    rate: Number
    interval_hours: Positive = Decimal(8)
    next_at: Instant | None = None
    predicted: Number | None = None
    at: Instant | None = None


Level = tuple[Positive, NonNegative]


class Book(_Noun):
    """Order book levels (price, base amount), best first on both sides."""

    bids: Annotated[tuple[Level, ...], AfterValidator(lambda side: tuple(sorted(side, reverse=True)))]
    asks: Annotated[tuple[Level, ...], AfterValidator(lambda side: tuple(sorted(side)))]
    at: Instant | None = None


Point = tuple[float, Number]  # ms, value


class History(_Noun):
    """Recorded medians (spread as a fraction of price, depth and volume in quote) and past funding."""

    funding: tuple[Point, ...] | None = None
    spread_median: NonNegative | None = None
    depth_median: NonNegative | None = None
    volume_median: NonNegative | None = None


class Saving(_Noun):
    """A flexible savings product for one stablecoin; ``rate`` a year."""

    product: str
    rate: Number
    instant: bool
    min: NonNegative = Decimal(0)


class MacroEvent(_Noun):
    """A scheduled macro event and its impact (R-S13)."""

    name: str
    start: Instant
    end: Instant
    impact: str


class Feeds(_Noun):
    """Optional outside readings; what is absent is unknown."""

    dominance: tuple[Point, ...] | None = None
    sentiment: dict[str, tuple[Point, ...]] | None = None
    macro: tuple[MacroEvent, ...] | None = None


_DIGESTS: dict[int, tuple[weakref.ref[NDArray[np.float64]], str]] = {}
_DIGESTS_KEPT = 8_192


def bars_digest(bars: NDArray[np.float64]) -> str:
    """The digest of a series; of one array made once, since validated bars are read-only."""
    known = _DIGESTS.get(id(bars))
    if known is not None and known[0]() is bars:
        return known[1]
    made = hashlib.sha256(bars.tobytes() if not bars.flags.c_contiguous else bars.data).hexdigest()[:32]
    if not bars.flags.writeable:
        while len(_DIGESTS) >= _DIGESTS_KEPT:
            del _DIGESTS[next(iter(_DIGESTS))]
        _DIGESTS[id(bars)] = (weakref.ref(bars, partial(forgotten, _DIGESTS, id(bars))), made)
    return made


def forgotten(known: dict[int, Any], number: int, _gone: object) -> None:
    """What was worked out of an array goes with it: without this, the newest thousands would stay."""
    known.pop(number, None)


def _sorted_by(*names: str) -> AfterValidator:
    return AfterValidator(lambda items: tuple(sorted(items, key=lambda item: [str(getattr(item, n)) for n in names])))


class Snapshot(_Noun):
    """Everything one decision sees (plan contract). ``at`` is the only clock the core knows."""

    version: Literal[1] = 1
    at: Instant
    venue: str
    account: AccountKind = AccountKind()
    control: Control = Control()
    balances: Annotated[tuple[Balance, ...], _sorted_by("asset", "wallet")]
    positions: Annotated[tuple[Position, ...], _sorted_by("symbol", "side")]
    orders: Annotated[tuple[OpenOrder, ...], _sorted_by("client_id")] = ()
    tickers: dict[str, Ticker]
    funding: dict[str, Funding]
    books: dict[str, Book] = Field(default_factory=dict)
    candles: dict[str, dict[str, Bars]]
    markets: dict[str, Market]
    history: dict[str, History] = Field(default_factory=dict)
    savings: dict[str, Saving] = Field(default_factory=dict)
    feeds: Feeds = Feeds()
    memory: Memory = Memory()
    gaps: tuple[str, ...] = ()  # what could not be read this time: "balances: timed out"

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Snapshot:
        """A changed copy; what was worked out of the content stays behind."""
        made = super().model_copy(update=update, deep=deep)
        for name in _WORKED_OUT if update and "candles" in update else _WORKED_OUT - _OF_BARS:
            made.__dict__.pop(name, None)
        return made

    def bars(self, symbol: str, timeframe: str) -> NDArray[np.float64] | None:
        """The closed candles of one symbol, oldest first, or None."""
        return self.candles.get(symbol, {}).get(timeframe)

    @cached_property
    def bar_keys(self) -> dict[str, dict[str, str]]:
        """Symbol -> timeframe -> digest of its bars, for memoising and for the record."""
        return {
            symbol: {frame: bars_digest(bars) for frame, bars in sorted(frames.items())}
            for symbol, frames in sorted(self.candles.items())
        }

    @cached_property
    def balances_since(self) -> datetime | None:
        """When the oldest balance was read; None where none says."""
        return min((item.at for item in self.balances if item.at is not None), default=None)

    @cached_property
    def positions_since(self) -> datetime | None:
        """When the oldest position was read; None where none says."""
        return min((item.at for item in self.positions if item.at is not None), default=None)

    @cached_property
    def window(self) -> str:
        """The digest of all candles together."""
        return digest(canonical_json(self.bar_keys), length=32)

    def without_bars(self) -> dict[str, Any]:
        """The snapshot as JSON values, its candles replaced by nothing (the record keeps bars once, apart)."""
        body = self.model_dump(mode="python", exclude={"candles"}, exclude_defaults=True, exclude_none=True)
        return {**body, "version": 1}

    @cached_property
    def text(self) -> str:
        """`without_bars` as canonical JSON, made of the texts of its nouns, which outlive one snapshot."""
        parts = fields_of("snapshot", self, _REST) | {"version": "1"}
        for name in _GROWING:
            noun = getattr(self, name)
            if (fields := fields_of(name, noun)) or noun != type(noun)():
                parts[name] = joined(fields)
        for name in _MAPS:
            nouns = getattr(self, name)
            if nouns or name in _REQUIRED:
                parts[name] = texts_of_map(name, nouns)
        for name in _LISTS:
            nouns = getattr(self, name)
            if nouns or name in _REQUIRED:
                parts[name] = texts_of_list(name, nouns)
        return joined(parts)

    @cached_property
    def digest(self) -> str:
        """Equal for equal content, whatever the order of lists and maps in the input."""
        return digest(self.text, canonical_json(self.bar_keys), length=32)

    def to_json(self) -> str:
        """The whole snapshot, candles included, as canonical JSON that `parse` reads back to an equal value."""
        candles = {
            symbol: {frame: bars.tolist() for frame, bars in frames.items()} for symbol, frames in self.candles.items()
        }
        return canonical_json({**self.without_bars(), "candles": candles})


_OF_BARS = frozenset({"bar_keys", "window"})
_WORKED_OUT = frozenset({"text", "digest", "balances_since", "positions_since"}) | _OF_BARS
_MAPS = ("tickers", "funding", "books", "markets", "history")
_LISTS = ("balances", "positions", "orders")
_GROWING = ("memory", "feeds")  # of many parts, few of which change
_REST = frozenset({"at", "venue", "account", "control", "savings", "gaps"})
_REQUIRED = frozenset({"tickers", "funding", "markets", "balances", "positions"})


def parse(text: str, source: str = "snapshot") -> Snapshot:
    """Read a snapshot from JSON; raises `SnapshotError` naming the place, the value and what would be right."""
    try:
        # Numbers stay text until a field says what they are: candles become float64, money becomes Decimal.
        raw = json.loads(text, parse_float=str, parse_constant=str, object_pairs_hook=_no_twins)
    except ValueError as error:
        message = f"{source}: not readable as JSON: {error}"
        raise SnapshotError(message) from error
    if not isinstance(raw, dict):
        message = f"{source}: is {type(raw).__name__}, must be a JSON object"
        raise SnapshotError(message)
    return build(raw, source)


def build(raw: Mapping[str, Any], source: str = "snapshot") -> Snapshot:
    """Validate already parsed JSON values (see `parse`)."""
    try:
        return Snapshot.model_validate(raw)
    except ValidationError as error:
        lines = [f"{source}: {_place(fault['loc'])}: {_fault(dict(fault))}" for fault in error.errors()]
        raise SnapshotError("\n".join(lines)) from error


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [key for key, _ in pairs]
        twin = next(name for name in names if names.count(name) > 1)
        message = f"key {twin!r} stands twice"
        raise ValueError(message)
    return made


def _place(loc: tuple[int | str, ...]) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "(top)"


def _fault(fault: dict[str, Any]) -> str:
    kind = fault["type"]
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "is not a known key"
    value = repr(fault.get("input"))
    shown = value if len(value) <= 60 else value[:57] + "..."  # noqa: PLR2004 - one screen line
    told = str(fault["msg"]).removeprefix("Value error, ")
    should = told.removeprefix("Input should be ")
    return f"{shown}: {told}" if should == told else f"is {shown}, must be {should}"
