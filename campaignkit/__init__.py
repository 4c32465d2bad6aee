"""One table of people from a campaign's many files, and one honest call for each of the campaign's questions."""

from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from campaignkit import (
        briefing,
        cells,
        charts,
        donors,
        election,
        errors,
        experiments,
        megafile,
        outreach,
        polls,
        sample,
        tables,
        voters,
        widgets,
    )
    from campaignkit.megafile import Megafile, Universe
    from campaignkit.megafile.inspection import inspect
    from campaignkit.pages import report
    from campaignkit.result import Result

__all__ = [
    "Megafile",
    "Result",
    "Universe",
    "briefing",
    "cells",
    "charts",
    "donors",
    "election",
    "errors",
    "experiments",
    "inspect",
    "megafile",
    "outreach",
    "polls",
    "report",
    "sample",
    "tables",
    "voters",
    "widgets",
]

#: Public names that live in a module; the other names of `__all__` are modules. Each is imported when first used,
#: so that `import campaignkit` costs next to nothing.
_HOMES = {
    "Megafile": "campaignkit.megafile",
    "Universe": "campaignkit.megafile",
    "Result": "campaignkit.result",
    "report": "campaignkit.pages",
    "inspect": "campaignkit.megafile.inspection",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return metadata.version("campaignkit")
    if name not in __all__:
        raise AttributeError(f"module 'campaignkit' has no attribute {name!r}")
    value = import_module(_HOMES.get(name, f"campaignkit.{name}"))
    if name in _HOMES:
        value = getattr(value, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
