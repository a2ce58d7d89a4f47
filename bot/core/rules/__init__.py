"""Owns what is wished: one file per rule group, blind to one another. A ban lives in gates, a when in triggers. Pure."""
