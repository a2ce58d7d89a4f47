"""The record's first schema.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# What `bot.store.sql.types` was when this was written: a migration never changes with the code.
EXACT = sa.Numeric().with_variant(sa.String(), "sqlite")
UTC = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    op.create_table(
        "portfolios",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("portfolio", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("venue", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_portfolios")),
        sa.UniqueConstraint(
            "portfolio", "mode", "venue", "environment", name=op.f("uq_portfolios_portfolio_mode_venue_environment")
        ),
    )
    op.create_table(
        "configs",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_configs")),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("config", sa.LargeBinary(), nullable=False),
        sa.Column("config_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.ForeignKeyConstraint(["book_id"], ["portfolios.id"], name=op.f("fk_runs_book_id_portfolios")),
    )
    op.create_index(op.f("ix_runs_book_id"), "runs", ["book_id"], unique=False)
    op.create_table(
        "decisions",
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("cycle_id", sa.Text(), nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("config_hash", sa.Text(), nullable=False),
        sa.Column("policy_hash", sa.String(64), nullable=False),
        sa.Column("snapshot_digest", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("plan", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("book_id", "number", name=op.f("pk_decisions")),
        sa.ForeignKeyConstraint(["book_id"], ["portfolios.id"], name=op.f("fk_decisions_book_id_portfolios")),
        sa.ForeignKeyConstraint(["policy_hash"], ["configs.hash"], name=op.f("fk_decisions_policy_hash_configs")),
        sa.UniqueConstraint("book_id", "cycle_id", name=op.f("uq_decisions_book_id_cycle_id")),
        sa.UniqueConstraint("book_id", "decision_id", name=op.f("uq_decisions_book_id_decision_id")),
    )
    op.create_table(
        "windows",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_windows")),
        sa.ForeignKeyConstraint(["book_id"], ["portfolios.id"], name=op.f("fk_windows_book_id_portfolios")),
        sa.UniqueConstraint("book_id", "digest", name=op.f("uq_windows_book_id_digest")),
    )
    op.create_table(
        "snapshots",
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.Column("acted", sa.Boolean(), nullable=False),
        sa.Column("window_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("book_id", "number", name=op.f("pk_snapshots")),
        sa.ForeignKeyConstraint(["book_id"], ["portfolios.id"], name=op.f("fk_snapshots_book_id_portfolios")),
        sa.ForeignKeyConstraint(["window_id"], ["windows.id"], name=op.f("fk_snapshots_window_id_windows")),
    )
    op.create_index(op.f("ix_snapshots_book_id_acted_at"), "snapshots", ["book_id", "acted", "at"], unique=False)
    op.create_index(op.f("ix_snapshots_window_id"), "snapshots", ["window_id"], unique=False)
    op.create_table(
        "series",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("timeframe", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series")),
        sa.ForeignKeyConstraint(["book_id"], ["portfolios.id"], name=op.f("fk_series_book_id_portfolios")),
        sa.UniqueConstraint("book_id", "symbol", "timeframe", name=op.f("uq_series_book_id_symbol_timeframe")),
    )
    op.create_table(
        "bars",
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("open", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("close", sa.Double(), nullable=False),
        sa.Column("volume", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("series_id", "at_ms", "number", name=op.f("pk_bars")),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name=op.f("fk_bars_series_id_series")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "actions",
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("action_id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("exposure_change", EXACT, nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("book_id", "action_id", name=op.f("pk_actions")),
        sa.ForeignKeyConstraint(["book_id"], ["portfolios.id"], name=op.f("fk_actions_book_id_portfolios")),
    )
    op.create_index(op.f("ix_actions_book_id_asset_number"), "actions", ["book_id", "asset", "number"], unique=False)
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("action_id", sa.Text(), nullable=False),
        sa.Column("leg", sa.Integer(), nullable=False),
        sa.Column("slice", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("qty", EXACT, nullable=False),
        sa.Column("price", EXACT, nullable=False),
        sa.Column("tif", sa.Text(), nullable=False),
        sa.Column("reduce_only", sa.Boolean(), nullable=False),
        sa.Column("sent_before", UTC, nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("while_frozen", sa.Boolean(), nullable=False),
        sa.Column("reference", EXACT, nullable=True),
        sa.Column("leverage", EXACT, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("filled", EXACT, nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("submitted_at", UTC, nullable=True),
        sa.Column("sent_qty", EXACT, nullable=True),
        sa.Column("price_avg", EXACT, nullable=True),
        sa.Column("venue_id", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.ForeignKeyConstraint(["book_id"], ["portfolios.id"], name=op.f("fk_orders_book_id_portfolios")),
        sa.UniqueConstraint("book_id", "client_id", name=op.f("uq_orders_book_id_client_id")),
    )
    op.create_index(op.f("ix_orders_book_id_decision_id"), "orders", ["book_id", "decision_id"], unique=False)
    op.create_index(op.f("ix_orders_book_id_state"), "orders", ["book_id", "state"], unique=False)
    op.create_table(
        "order_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("filled", EXACT, nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("event_number", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_events")),
        sa.ForeignKeyConstraint(["book_id"], ["portfolios.id"], name=op.f("fk_order_events_book_id_portfolios")),
    )
    op.create_index(op.f("ix_order_events_book_id_client_id"), "order_events", ["book_id", "client_id"], unique=False)
    op.create_table(
        "fills",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("trade_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("decision_id", sa.Text(), nullable=True),
        sa.Column("at", UTC, nullable=False),
        sa.Column("qty", EXACT, nullable=False),
        sa.Column("price", EXACT, nullable=False),
        sa.Column("fee", EXACT, nullable=True),
        sa.Column("fee_asset", sa.Text(), nullable=True),
        sa.Column("fee_value", EXACT, nullable=True),
        sa.Column("equity", EXACT, nullable=True),
        sa.Column("asset", sa.Text(), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fills")),
        sa.ForeignKeyConstraint(["book_id"], ["portfolios.id"], name=op.f("fk_fills_book_id_portfolios")),
        sa.UniqueConstraint("book_id", "symbol", "trade_id", name=op.f("uq_fills_book_id_symbol_trade_id")),
    )
    op.create_index(op.f("ix_fills_book_id_client_id"), "fills", ["book_id", "client_id"], unique=False)
    op.create_index(op.f("ix_fills_book_id_decision_id"), "fills", ["book_id", "decision_id"], unique=False)
    op.create_table(
        "events",
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("book_id", "number", name=op.f("pk_events")),
        sa.ForeignKeyConstraint(["book_id"], ["portfolios.id"], name=op.f("fk_events_book_id_portfolios")),
        sa.UniqueConstraint("book_id", "key", name=op.f("uq_events_book_id_key")),
    )
    op.create_table(
        "checkpoints",
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("fold", sa.Text(), nullable=False),
        sa.Column("memory", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("book_id", "number", name=op.f("pk_checkpoints")),
        sa.ForeignKeyConstraint(["book_id"], ["portfolios.id"], name=op.f("fk_checkpoints_book_id_portfolios")),
    )
    op.create_table(
        "transfers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("action_id", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("amount", EXACT, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("to", sa.Text(), nullable=False),
        sa.Column("sent_before", UTC, nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("while_frozen", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
        sa.ForeignKeyConstraint(["book_id"], ["portfolios.id"], name=op.f("fk_transfers_book_id_portfolios")),
        sa.UniqueConstraint("book_id", "client_id", name=op.f("uq_transfers_book_id_client_id")),
    )
    op.create_index(op.f("ix_transfers_book_id_state"), "transfers", ["book_id", "state"], unique=False)
    op.create_table(
        "funding_payments",
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("event_number", sa.BigInteger(), nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("paid", EXACT, nullable=False),
        sa.PrimaryKeyConstraint("book_id", "event_number", name=op.f("pk_funding_payments")),
        sa.ForeignKeyConstraint(["book_id"], ["portfolios.id"], name=op.f("fk_funding_payments_book_id_portfolios")),
    )
    op.create_table(
        "cash_flows",
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("event_number", sa.BigInteger(), nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("amount", EXACT, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("book_id", "event_number", name=op.f("pk_cash_flows")),
        sa.ForeignKeyConstraint(["book_id"], ["portfolios.id"], name=op.f("fk_cash_flows_book_id_portfolios")),
    )
    op.create_table(
        "alerts",
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("event_number", sa.BigInteger(), nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("book_id", "event_number", name=op.f("pk_alerts")),
        sa.ForeignKeyConstraint(["book_id"], ["portfolios.id"], name=op.f("fk_alerts_book_id_portfolios")),
    )
    op.create_table(
        "equity",
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.Column("equity", EXACT, nullable=False),
        sa.Column("unit_value", EXACT, nullable=True),
        sa.PrimaryKeyConstraint("book_id", "number", name=op.f("pk_equity")),
        sa.ForeignKeyConstraint(["book_id"], ["portfolios.id"], name=op.f("fk_equity_book_id_portfolios")),
    )
    op.create_table(
        "controls",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_controls")),
        sa.ForeignKeyConstraint(["book_id"], ["portfolios.id"], name=op.f("fk_controls_book_id_portfolios")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_controls_book_id"), "controls", ["book_id"], unique=False)
    op.create_table(
        "leases",
        sa.Column("book_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("until", UTC, nullable=False),
        sa.PrimaryKeyConstraint("book_id", name=op.f("pk_leases")),
        sa.ForeignKeyConstraint(["book_id"], ["portfolios.id"], name=op.f("fk_leases_book_id_portfolios")),
    )
    op.create_table(
        "simulated_accounts",
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("book_id", "name", name=op.f("pk_simulated_accounts")),
        sa.ForeignKeyConstraint(["book_id"], ["portfolios.id"], name=op.f("fk_simulated_accounts_book_id_portfolios")),
    )
    op.create_table(
        "status",
        sa.Column("book_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("at", UTC, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("book_id", name=op.f("pk_status")),
        sa.ForeignKeyConstraint(["book_id"], ["portfolios.id"], name=op.f("fk_status_book_id_portfolios")),
    )
