"""Damaged exports, archives, layouts, scores and megafiles: no error but campaignkit's own, none over 5 s, no line lost."""

from __future__ import annotations

import pytest

from tests.attack.attempts import KINDS
from tests.attack.worker import Worker

FEW = {"files": 4, "archives": 4, "layouts": 6, "scores": 6, "megafiles": 6}
MANY = {"files": 150, "archives": 100, "layouts": 150, "scores": 100, "megafiles": 60}


@pytest.fixture(scope="module")
def worker():
    with Worker() as worker:
        yield worker


def failed(worker: Worker, kind: str, seeds: range) -> list[str]:
    attempts = [attempt for seed in seeds for attempt in worker.attempt(kind, seed)]
    return [f"{one.seed}: {one.tried}: {one.outcome} {one.error} ({one.seconds} s)" for one in attempts if one.failed]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_refused_or_read_around(worker, kind):
    assert failed(worker, kind, range(FEW[kind])) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_much_damage_is(worker, kind):
    assert failed(worker, kind, range(1_000, 1_000 + MANY[kind])) == []
