"""Owns the Protocols between the pure core and the world, and their errors. Imports nothing but the core's nouns."""
