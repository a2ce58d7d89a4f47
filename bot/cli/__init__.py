"""Owns the command line: one small file per command; it parses, opens parts, prints, and decides nothing."""
