"""Owns what is forbidden: one file per gate group, blind to one another; each answers with the wish. Pure."""
