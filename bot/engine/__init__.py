"""Owns the effects of a cycle in terms of ports: stop, reconcile, observe, execute, record, verify. Knows no venue."""
