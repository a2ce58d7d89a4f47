"""Owns what the bot decides: pure functions and frozen nouns. No I/O, no clock, no randomness, no logging."""
