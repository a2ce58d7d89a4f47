"""Owns the deterministic simulation: the whole daemon on a virtual-time loop, faults as data, an outside checker."""
