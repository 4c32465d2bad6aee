"""Every public name is documented, with an example that runs (pytest collects them) and shows it."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import pytest

import campaignkit
from campaignkit.result import Result

INTERFACE = ("summary", "chart", "percentages")  # Result's; its own examples show them


def named(thing: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Give a public thing and what is public in it: a module's names, a class's methods and properties."""
    if isinstance(thing, ModuleType):
        public = getattr(thing, "__all__", None) or [n for n, v in vars(thing).items() if belongs(v, thing, n)]
        for part in public:
            yield from named(getattr(thing, part), f"{name}.{part}")
        return
    if isinstance(thing, type):
        yield name, thing
        for part, value in vars(thing).items():
            if not part.startswith("_") and isinstance(value, (FunctionType, classmethod, staticmethod, property)):
                yield f"{name}.{part}", value
    elif callable(thing):
        yield name, thing


def belongs(value: Any, module: ModuleType, name: str) -> bool:
    return not name.startswith("_") and getattr(value, "__module__", None) == module.__name__


def public_names() -> dict[str, Any]:
    """Return everything public, by its name as a user writes it."""
    return {
        name: thing for part in campaignkit.__all__ for name, thing in named(getattr(campaignkit, part), f"ck.{part}")
    }


NAMES = public_names()


def examples(thing: Any) -> str:
    """Return the lines of code in a docstring."""
    doc = inspect.getdoc(thing.fget if isinstance(thing, property) else thing) or ""
    return "\n".join(re.findall(r"^\s*(?:>>>|\.\.\.) (.*)$", doc, re.M))


def is_shown(name: str, thing: Any) -> bool:
    """Return whether a thing has an example; a result's class, whether the function that returns it has one."""
    if examples(thing):
        return True
    owner = NAMES.get(name.rpartition(".")[0])
    if isinstance(owner, type) and issubclass(owner, Result) and owner is not Result:
        return name.rpartition(".")[2] in INTERFACE
    if isinstance(thing, type) and issubclass(thing, (Result, Exception)):
        home = vars(sys.modules[thing.__module__]).values()
        return any(belongs(f, sys.modules[thing.__module__], f.__name__) and examples(f)
                   for f in home if isinstance(f, FunctionType)) or made_by_method(thing)  # fmt: skip
    return False


def made_by_method(thing: type) -> bool:
    """Return whether a method with an example says that it returns this class."""
    for value in NAMES.values():
        function = value if isinstance(value, FunctionType) else None
        if function and str(function.__annotations__.get("return")) == thing.__name__ and examples(function):
            return True
    return False


def test_there_are_as_many_as_there_were():
    assert len(NAMES) > 100
    assert {"ck.Megafile.build", "ck.donors.Lift.value", "ck.cells.cells", "ck.charts.bars"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_documented_and_shown(name):
    thing = NAMES[name]
    assert inspect.getdoc(thing.fget if isinstance(thing, property) else thing)
    assert is_shown(name, thing), f"{name} has no example"


def test_a_name_without_an_example_is_found():
    def quiet() -> None:
        """Say nothing."""

    assert not is_shown("ck.quiet", quiet)


def test_tab_completion_shows_public_names_only():
    assert [n for n in dir(campaignkit.donors) if not n.startswith("_")] == sorted(campaignkit.donors.__all__)
    assert len(campaignkit.donors.__all__) < 12
