"""Owns the one deterministic matching engine and the markets it can stand in. No network, no wall clock, no ccxt."""
