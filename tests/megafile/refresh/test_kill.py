"""A refresh that is killed leaves the last good night, whole; the next one completes."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from campaignkit import Megafile, sample

REFRESH = """
import sys
from campaignkit import Megafile
Megafile.open(sys.argv[1]).refresh(sys.argv[2], progress=False)
"""
COUNTS = "SELECT (SELECT count(*) FROM person), (SELECT count(*) FROM gift), (SELECT max(night) FROM refresh_log)"


@pytest.mark.slow
def test_sigkill_at_any_moment_leaves_the_last_good_night_and_the_next_refresh_completes(tmp_path):
    path, night = tmp_path / "campaign.duckdb", tmp_path / "night"
    sample.write(tmp_path / "exports", 3_000, 7)
    sample.write_night(tmp_path / "exports", night, 1, share=0.05)
    Megafile.build(tmp_path / "exports", path, progress=False).close()
    good = tmp_path / "good" / path.name
    good.parent.mkdir()
    shutil.copyfile(path, good)
    command = [sys.executable, "-c", REFRESH, str(path), str(night)]
    started = time.monotonic()
    subprocess.run(command, check=True)
    whole = time.monotonic() - started
    shutil.copyfile(good, path)

    rng, killed = random.Random(2012), 0
    with Megafile.open(path) as reader:
        stood = reader.sql(COUNTS).row(0)
        while killed < 20:
            process = subprocess.Popen(command, start_new_session=True)
            time.sleep(rng.uniform(0.05, 0.95) * whole)
            if killed % 2:
                os.killpg(process.pid, signal.SIGKILL)  # the whole of it
            else:
                process.send_signal(signal.SIGKILL)  # the session alone: the child must end too
            ended = process.wait()
            _wait_for_the_child(path)
            if ended == -signal.SIGKILL and not reader.stale:
                killed += 1
                with Megafile.open(path) as last_good:
                    assert last_good.check() == []
                    assert last_good.sql(COUNTS).row(0) == stood
            else:  # done before the kill
                whole *= 0.8
                shutil.copyfile(good, path)
                reader.reopen()
            assert reader.sql(COUNTS).row(0) == stood
        report = Megafile.open(path).refresh(night, progress=False)
        assert report.night == 1
        assert reader.sql(COUNTS).row(0) == stood  # as long as it is open
        reader.reopen()
        assert reader.check() == []
        assert reader.sql(COUNTS).row(0) != stood
        assert reader.unencrypted_files == []


def _wait_for_the_child(path):
    """Give a child whose parent was killed the moment that it needs to end."""
    for _ in range(1000):
        if not any(_runs(left) for left in path.parent.glob(f".{path.name}.writing-*")):
            return
        time.sleep(0.01)


def _runs(left):
    return os.path.exists(f"/proc/{left.name.partition('.writing-')[2].partition('.')[0]}")
