"""Estimates from samples that stand for more people: totals, ratios and their errors."""
