"""Owns what the account should hold: one file per way targets come about. Pure."""

from bot.core.targets.skeleton import skeleton

__all__ = ["skeleton"]
