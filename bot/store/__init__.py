"""Owns the record's implementations: `bot.store.sql` for what lasts, `bot.store.memory` for what does not."""
