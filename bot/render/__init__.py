"""Owns how plans, decisions, status and lists look to people: JSON bodies in, rich tables out. Decides nothing."""
