"""Owns the ways of telling people; never on the trading path."""
