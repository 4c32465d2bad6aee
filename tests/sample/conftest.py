"""One world in memory and one in files, made once."""

from pathlib import Path

import pytest

from campaignkit import sample

PEOPLE = 12_000
SEED = 7


@pytest.fixture(scope="session")
def world() -> sample.Drawn:
    return sample.draw("world", 40_000, seed=SEED)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "exports"
    sample.write(path, PEOPLE, seed=SEED)
    return path
