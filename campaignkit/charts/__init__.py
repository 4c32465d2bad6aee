"""Charts in the house style, and figures that draw without a network."""

from campaignkit.charts.figure import EMBED as EMBED
from campaignkit.charts.figure import figure, setup, vega_script
from campaignkit.charts.figure import house as house
from campaignkit.charts.figure import make_live as make_live
from campaignkit.charts.figure import page_has_vega as page_has_vega
from campaignkit.charts.figure import picture as picture
from campaignkit.charts.figure import still as still
from campaignkit.charts.marks import bars, intervals, is_share
from campaignkit.charts.theme import INK as INK
from campaignkit.charts.theme import PALETTE
from campaignkit.charts.theme import WIDTH as WIDTH

__all__ = ["PALETTE", "bars", "figure", "intervals", "is_share", "setup", "vega_script"]


def __dir__() -> list[str]:
    return sorted(__all__)
