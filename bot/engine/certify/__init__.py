"""Owns the acceptance run of a venue: a few small real orders, over ports, and what they proved. Knows no venue."""

from __future__ import annotations

from bot.engine.certify.bench import Bench, Ports, Terms
from bot.engine.certify.report import Item, Report, Verdict
from bot.engine.certify.run import certify

__all__ = ["Bench", "Item", "Ports", "Report", "Terms", "Verdict", "certify"]
