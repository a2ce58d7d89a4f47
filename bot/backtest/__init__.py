"""Owns the past: the same core over recorded prices, what came of it, and how to look at that. Talks to no venue."""
