"""Widgets for JupyterLab over the rooms: pick an audience, explore segments and tests. No statistics of their own."""

from campaignkit.widgets.universe_builder import UniverseBuilder

__all__ = ["UniverseBuilder"]
