"""Owns what is wished: one file per rule group, blind to one another. Bans live in gates, whens in triggers. Pure."""
