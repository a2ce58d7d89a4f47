"""Owns what portfolios share of a venue, in one process and on one machine: its answers, and how much may be asked."""

from __future__ import annotations

from bot.venues.shared.market import Seat, SharedMarket

__all__ = ["Seat", "SharedMarket"]
