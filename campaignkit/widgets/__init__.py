"""Widgets for JupyterLab over the rooms: pick an audience, explore segments, tests and scores.

They hold no statistics of their own: each shows what a room found, and hands on what was chosen.
"""

from campaignkit.widgets.experiment_board import ExperimentBoard
from campaignkit.widgets.score_inspector import ScoreInspector
from campaignkit.widgets.segment_explorer import SegmentExplorer
from campaignkit.widgets.universe_builder import UniverseBuilder

__all__ = ["ExperimentBoard", "ScoreInspector", "SegmentExplorer", "UniverseBuilder"]


def __dir__() -> list[str]:
    return sorted(__all__)
