"""Owns what is forbidden: one file per gate group, blind to one another. Each answers with the wish, perhaps smaller. Pure."""
