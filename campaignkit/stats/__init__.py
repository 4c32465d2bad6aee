"""Arithmetic on small arrays: no tables, no engines."""
