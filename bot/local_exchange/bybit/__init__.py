"""Owns the exchange's second dialect: Bybit's v5, over the same engine and on the same port as Binance's."""
