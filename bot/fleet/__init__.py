"""Owns a fleet's worker: many portfolios in one process, and which of them are its to lead."""
