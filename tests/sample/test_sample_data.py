"""Both drops of the kept sample are what today's generator writes; compared unpacked: zlib's builds pack differently."""

import hashlib
from pathlib import Path

import pytest

from campaignkit.megafile.ingest.files import list_files
from campaignkit.sample.stored import DROPS, SEED, SMALL

ROOT = Path(__file__).resolve().parents[2]


def digests(folder):
    found = {}
    for file in list_files(folder):
        with file.open() as stream:
            found[file.name] = hashlib.sha256(stream.read()).hexdigest()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("drop", list(DROPS))
def test_the_kept_sample_is_what_the_generator_writes(tmp_path, drop):
    name, write_drop = DROPS[drop]
    write_drop(tmp_path, SMALL, SEED)
    assert digests(tmp_path) == digests(ROOT / name)
