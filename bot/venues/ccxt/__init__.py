"""Owns real venues: the only room with ccxt, which `bot.venues.ccxt.venue` loads and this package alone does not."""
