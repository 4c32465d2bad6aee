"""sample_data/ is what today's generator writes; compared unpacked, since zlib's builds pack differently."""

import hashlib
from pathlib import Path

import pytest

from campaignkit import sample
from campaignkit.megafile.ingest.files import list_files
from campaignkit.sample.stored import SEED, SMALL

KEPT = Path(__file__).resolve().parents[2] / "sample_data"


def digests(folder):
    found = {}
    for file in list_files(folder):
        with file.open() as stream:
            found[file.name] = hashlib.sha256(stream.read()).hexdigest()
    return found


@pytest.mark.slow
def test_the_kept_sample_is_what_the_generator_writes(tmp_path):
    sample.write(tmp_path, SMALL, SEED)
    assert digests(tmp_path) == digests(KEPT)
