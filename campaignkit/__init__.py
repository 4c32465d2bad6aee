"""One table of people from a campaign's many files, and one honest call for each of the campaign's questions."""

from campaignkit import charts, errors, sample
from campaignkit.megafile import Megafile
from campaignkit.result import Result

__all__ = ["Megafile", "Result", "charts", "errors", "sample"]
