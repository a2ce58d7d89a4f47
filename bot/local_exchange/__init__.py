"""Owns the local exchange: the simulated matching engine over HTTP in Binance's wire. Knows nothing of the bot."""
