"""A build that is killed leaves nothing at its path, and the next one cleans up and completes."""

import random
import signal
import subprocess
import sys
import time

import pytest

from campaignkit import Megafile, sample

BUILD = """
import sys
from campaignkit import Megafile
Megafile.build(sys.argv[1], sys.argv[2], progress=False)
"""


@pytest.mark.slow
def test_sigkill_at_any_moment_leaves_nothing_and_the_next_build_completes(tmp_path):
    exports = tmp_path / "exports"
    sample.write(exports, 3_000, 7)
    path = tmp_path / "campaign.duckdb"
    command = [sys.executable, "-c", BUILD, str(exports), str(path)]
    started = time.monotonic()
    subprocess.run(command, check=True)
    whole = time.monotonic() - started
    path.unlink()
    rng = random.Random(2012)
    killed = 0
    while killed < 20:
        process = subprocess.Popen(command)
        time.sleep(rng.uniform(0.05, 0.95) * whole)
        process.send_signal(signal.SIGKILL)
        if process.wait() == -signal.SIGKILL:
            killed += 1
            if (
                path.exists()
            ):  # killed while it said what was not understood, the file in place already: then it is whole
                with Megafile.open(path) as megafile:
                    assert megafile.check() == []
                path.unlink()
        else:  # done before the kill: the machine has less to do than when the whole was timed
            path.unlink()
            whole *= 0.8
    with Megafile.build(exports, path, progress=False) as megafile:
        assert megafile.sql("SELECT count(*) FROM person").item() > 0
    assert [left.name for left in tmp_path.iterdir() if left.name != "exports"] == ["campaign.duckdb"]
