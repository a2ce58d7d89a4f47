"""Owns how a report is told: one page that needs nobody else, pictures, and tables for a terminal."""
