"""The sample's megafiles that other code built are put away; nothing else in their folder is touched."""

import os

from campaignkit.sample import stored


def test_the_last_few_samples_stay_and_a_file_of_ones_own_too(tmp_path):
    names = [f"sample-{n:016x}.duckdb" for n in range(7)]
    for age, name in enumerate(names):
        (tmp_path / name).touch()
        (tmp_path / name).with_suffix(".building").touch()
        os.utime(tmp_path / name, (age, age))
    (tmp_path / "sample-of-mine.duckdb").touch()
    stored._forget_old(tmp_path / names[-1])
    left = {path.name for path in tmp_path.glob("*.duckdb")}
    assert left == {*names[-4:], "sample-of-mine.duckdb"}
    assert {path.stem for path in tmp_path.glob("*.building")} == {name.removesuffix(".duckdb") for name in names[-4:]}
