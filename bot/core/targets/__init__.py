"""Owns what the account should hold: one file per way targets come about, and the order they apply in. Pure."""

from bot.core.targets.order import Targets, wanted
from bot.core.targets.parity import risk_view

__all__ = ["Targets", "risk_view", "wanted"]
