"""Doctests: results that they share are fitted once, as their class's own example says; the slowest wait for check."""

from __future__ import annotations

import doctest
import sys
from importlib import import_module
from typing import Any

import pytest

SHARED = {"lift": ("campaignkit.donors", "Lift")}
SLOW = ("Megafile.refresh", "Megafile.retrain", "Forecast.without_each", "UniverseBuilder.still", "BuyPlan.order_sheet")


def fitted(name: str) -> Any:
    module, owner = SHARED[name]
    names: dict[str, Any] = {}
    for example in doctest.DocTestParser().get_examples(getattr(import_module(module), owner).__doc__ or ""):
        exec(example.source, names)
    return names[name]


@pytest.fixture(autouse=True)
def shared_results(request: pytest.FixtureRequest, doctest_namespace: dict[str, Any]) -> None:
    examples = getattr(getattr(request.node, "dtest", None), "examples", ())
    for name in SHARED:
        if name not in doctest_namespace and any(f"{name}." in example.source for example in examples):
            doctest_namespace[name] = fitted(name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the slowest examples; give back to a room the function whose module pytest has put in its place."""
    for item in items:
        module = item.dtest.globs.get("__name__", "") if isinstance(item, pytest.DoctestItem) else ""
        room, _, name = module.rpartition(".")
        if name in getattr(sys.modules.get(room), "__all__", ()) and hasattr(sys.modules[module], name):
            setattr(sys.modules[room], name, getattr(sys.modules[module], name))
        if isinstance(item, pytest.DoctestItem) and item.name.endswith(SLOW):
            item.add_marker(pytest.mark.slow)
