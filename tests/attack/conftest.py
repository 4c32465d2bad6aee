"""Of each attack that comes in many cases, `make test` runs the first two and `make check` all."""

from collections import Counter
from pathlib import Path

import pytest

FAST_CASES = 2
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the later cases of a test as slow."""
    cases: Counter[str] = Counter()
    for item in items:
        if HERE in item.path.parents and "[" in item.name:
            test = item.nodeid.partition("[")[0]
            cases[test] += 1
            if cases[test] > FAST_CASES:
                item.add_marker(pytest.mark.slow)
