"""Owns the dashboard and its HTTP API: reads the record, writes requests; holds no key and touches no venue."""
