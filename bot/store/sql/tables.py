"""Owns the tables' shape; `migrations/` must lead to the same one (a test compares them).

Every row but a configuration belongs to a *book*: one portfolio in one mode on one venue's environment.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from bot.store.sql.types import Exact, Packed, Utc

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _book() -> Column[Any]:
    return Column("book_id", Integer, ForeignKey("portfolios.id"), nullable=False)


def _text(name: str, *, null: bool = False) -> Column[Any]:
    return Column(name, Text, nullable=null)


def _exact(name: str, *, null: bool = False) -> Column[Any]:
    return Column(name, Exact, nullable=null)


def _utc(name: str, *, null: bool = False) -> Column[Any]:
    return Column(name, Utc, nullable=null)


def _big(name: str, *, null: bool = False) -> Column[Any]:
    return Column(name, BigInteger, nullable=null)


def _flag(name: str) -> Column[Any]:
    return Column(name, Boolean, nullable=False)


portfolios = Table(
    "portfolios",
    metadata,
    Column("id", Integer, primary_key=True),
    _text("portfolio"),
    _text("mode"),
    _text("venue"),
    _text("environment"),
    _text("account"),
    _utc("created_at"),
    UniqueConstraint("portfolio", "mode", "venue", "environment"),
)

configs = Table(
    "configs", metadata, Column("hash", String(64), primary_key=True), Column("body", Packed, nullable=False)
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    _book(),
    _utc("at"),
    _big("fence"),
    _text("version"),
    _text("fingerprint"),
    Column("config", Packed, nullable=False),
    _text("config_hash"),
    Index(None, "book_id"),
)

decisions = Table(
    "decisions",
    metadata,
    _book(),
    _big("number"),
    _text("decision_id"),
    _text("cycle_id"),
    _utc("at"),
    _text("version"),
    _text("config_hash"),
    Column("policy_hash", String(64), ForeignKey("configs.hash"), nullable=False),
    _text("snapshot_digest"),
    _text("outcome"),
    _text("summary"),
    Column("plan", Packed, nullable=False),
    PrimaryKeyConstraint("book_id", "number"),
    UniqueConstraint("book_id", "decision_id"),
    UniqueConstraint("book_id", "cycle_id"),
)

# Which stretch of which series a snapshot saw, and as of which decision; equal stretches share one row.
windows = Table(
    "windows",
    metadata,
    Column("id", Integer, primary_key=True),
    _book(),
    _text("digest"),
    _big("as_of"),
    Column("body", Packed, nullable=False),
    UniqueConstraint("book_id", "digest"),
)

snapshots = Table(
    "snapshots",
    metadata,
    _book(),
    _big("number"),
    _utc("at"),
    _flag("acted"),
    Column("window_id", Integer, ForeignKey("windows.id"), nullable=False),
    Column("body", Packed, nullable=False),
    PrimaryKeyConstraint("book_id", "number"),
    Index(None, "window_id"),
    Index(None, "book_id", "acted", "at"),
)

series = Table(
    "series",
    metadata,
    Column("id", Integer, primary_key=True),
    _book(),
    _text("symbol"),
    _text("timeframe"),
    UniqueConstraint("book_id", "symbol", "timeframe"),
)

# ``number``: the decision that saw the bar first. A bar the venue revised is a second row with a higher number.
bars = Table(
    "bars",
    metadata,
    Column("series_id", Integer, ForeignKey("series.id"), nullable=False),
    _big("at_ms"),
    _big("number"),
    *(Column(name, Double, nullable=False) for name in ("open", "high", "low", "close", "volume")),
    PrimaryKeyConstraint("series_id", "at_ms", "number"),
    sqlite_with_rowid=False,
)

actions = Table(
    "actions",
    metadata,
    _book(),
    _text("action_id"),
    _big("number"),
    _text("verdict"),
    _text("rule"),
    _text("kind"),
    _text("class"),
    _text("asset"),
    _exact("exposure_change"),
    _text("why"),
    PrimaryKeyConstraint("book_id", "action_id"),
    Index(None, "book_id", "asset", "number"),
)

orders = Table(
    "orders",
    metadata,
    Column("id", Integer, primary_key=True),
    _book(),
    _text("client_id"),
    _text("decision_id"),
    _text("action_id"),
    Column("leg", Integer, nullable=False),
    Column("slice", Integer, nullable=False),
    _text("symbol"),
    _exact("qty"),
    _exact("price"),
    _text("tif"),
    _flag("reduce_only"),
    _utc("sent_before"),
    _big("fence"),
    _text("asset"),
    _text("kind"),
    _text("purpose"),
    _flag("while_frozen"),
    _exact("reference", null=True),
    _exact("leverage", null=True),
    _text("state"),
    _exact("filled"),
    _utc("created_at"),
    _utc("submitted_at", null=True),
    _exact("sent_qty", null=True),
    _exact("price_avg", null=True),
    _text("venue_id", null=True),
    _text("why"),
    UniqueConstraint("book_id", "client_id"),
    Index(None, "book_id", "state"),
    Index(None, "book_id", "decision_id"),
)

order_events = Table(
    "order_events",
    metadata,
    Column("id", Integer, primary_key=True),
    _book(),
    _text("client_id"),
    _utc("at"),
    _text("state"),
    _exact("filled"),
    _text("why"),
    Column("event_number", BigInteger, nullable=True),  # None: the intent itself
    Index(None, "book_id", "client_id"),
)

fills = Table(
    "fills",
    metadata,
    Column("id", Integer, primary_key=True),
    _book(),
    _text("symbol"),
    _text("trade_id"),
    _text("client_id", null=True),
    _text("decision_id", null=True),
    _utc("at"),
    _exact("qty"),
    _exact("price"),
    _exact("fee", null=True),
    _text("fee_asset", null=True),
    _exact("fee_value", null=True),
    _exact("equity", null=True),
    _text("asset", null=True),
    _text("purpose", null=True),
    UniqueConstraint("book_id", "symbol", "trade_id"),
    Index(None, "book_id", "client_id"),
    Index(None, "book_id", "decision_id"),
)

events = Table(
    "events",
    metadata,
    _book(),
    _big("number"),
    _text("key"),
    _utc("at"),
    _text("kind"),
    _text("body"),
    PrimaryKeyConstraint("book_id", "number"),
    UniqueConstraint("book_id", "key"),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    _book(),
    _big("number"),
    _text("fold"),
    Column("memory", Packed, nullable=False),
    PrimaryKeyConstraint("book_id", "number"),
)

transfers = Table(
    "transfers",
    metadata,
    Column("id", Integer, primary_key=True),
    _book(),
    _text("client_id"),
    _text("decision_id"),
    _text("action_id"),
    _text("asset"),
    _exact("amount"),
    _text("source"),
    _text("to"),
    _utc("sent_before"),
    _big("fence"),
    _flag("while_frozen"),
    _text("state"),
    _utc("created_at"),
    _text("why"),
    UniqueConstraint("book_id", "client_id"),
    Index(None, "book_id", "state"),
)

funding_payments = Table(
    "funding_payments",
    metadata,
    _book(),
    _big("event_number"),
    _utc("at"),
    _text("symbol"),
    _exact("paid"),
    PrimaryKeyConstraint("book_id", "event_number"),
)

cash_flows = Table(
    "cash_flows",
    metadata,
    _book(),
    _big("event_number"),
    _utc("at"),
    _text("asset"),
    _exact("amount"),
    _text("kind"),
    PrimaryKeyConstraint("book_id", "event_number"),
)

alerts = Table(
    "alerts",
    metadata,
    _book(),
    _big("event_number"),
    _utc("at"),
    _text("level"),
    _text("text"),
    PrimaryKeyConstraint("book_id", "event_number"),
)

equity = Table(
    "equity",
    metadata,
    _book(),
    _big("number"),
    _utc("at"),
    _exact("equity"),
    _exact("unit_value", null=True),
    PrimaryKeyConstraint("book_id", "number"),
)

controls = Table(
    "controls",
    metadata,
    Column("id", Integer, primary_key=True),
    _book(),
    _utc("at"),
    _text("what"),
    _text("value"),
    _text("who"),
    _text("why"),
    Index(None, "book_id"),
    sqlite_autoincrement=True,
)

leases = Table(
    "leases",
    metadata,
    Column("book_id", Integer, ForeignKey("portfolios.id"), primary_key=True, autoincrement=False),
    _text("holder"),
    _big("fence"),
    _utc("until"),
    # What a fleet's worker leads it with; nobody knows it of others.
    _text("version", null=True),
    _text("config", null=True),
)

# One row a process that leads portfolios for a fleet, and no longer counted once ``until`` has passed.
workers = Table(
    "workers",
    metadata,
    Column("name", String(64), primary_key=True),
    _text("host"),
    Column("pid", Integer, nullable=False),
    _text("version"),
    _utc("started_at"),
    _utc("until"),
    _text("body"),
)

simulated_accounts = Table(
    "simulated_accounts",
    metadata,
    _book(),
    _text("name"),
    _utc("at"),
    Column("state", LargeBinary, nullable=False),
    PrimaryKeyConstraint("book_id", "name"),
)

status = Table(
    "status",
    metadata,
    Column("book_id", Integer, ForeignKey("portfolios.id"), primary_key=True, autoincrement=False),
    _utc("at"),
    _text("body"),
)
