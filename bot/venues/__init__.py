"""Owns the ways to a venue: ccxt, simulated, recorded, read-only; blind to one another."""
