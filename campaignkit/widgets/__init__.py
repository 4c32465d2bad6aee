"""Widgets for JupyterLab over the rooms: pick an audience, explore segments and tests. No statistics of their own."""

from campaignkit.widgets.experiment_board import ExperimentBoard
from campaignkit.widgets.segment_explorer import SegmentExplorer
from campaignkit.widgets.universe_builder import UniverseBuilder

__all__ = ["ExperimentBoard", "SegmentExplorer", "UniverseBuilder"]
