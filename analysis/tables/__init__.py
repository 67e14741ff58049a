"""Traces as tables, for SQL and for other programs."""
