"""Owns the local exchange: the simulated engine over HTTP, in the words of two venues. Knows nothing of the bot."""
