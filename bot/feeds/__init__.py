"""Owns outside readings: dominance, sentiment and macro events, told by addresses and files (R-S11 to R-S13)."""

from bot.feeds.source import FeedKeys, OutsideFeeds, SourceKeys

__all__ = ["FeedKeys", "OutsideFeeds", "SourceKeys"]
