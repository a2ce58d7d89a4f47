"""Owns when something may have to be done: one file per trigger, blind to one another. Pure."""
