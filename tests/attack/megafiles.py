"""Megafiles damaged on the disk, and other files in a megafile's place."""

from __future__ import annotations

import functools
import gzip
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import duckdb

from campaignkit import Megafile
from tests.attack.exports import exports

READ = ("SWVF", "supporters", "van_contact", "van_voters", "unsubscribers")


@functools.cache
def sound() -> bytes:
    """Return a small megafile's bytes."""
    with tempfile.TemporaryDirectory() as folder:
        lying = Path(folder) / "exports"
        lying.mkdir()
        for name, data in exports().items():
            if any(part in name for part in READ):
                (lying / name).write_bytes(data)
        path = Path(folder) / "m.duckdb"
        Megafile.build(lying, path, model=False, progress=False).close()
        return path.read_bytes()


def prepare(rng: Random, folder: Path) -> tuple[str, Callable[[], None]]:
    """Damage a megafile, open it and do with it what an analyst does."""
    path = folder / "m.duckdb"
    make = rng.choice([flipped] * 6 + [zeroed] * 3 + [cut] * 3 + [shuffled] * 3 + [longer, head_lost] + OTHERS)
    make(rng, path)
    used = rng.choice(sorted(USES))

    def run() -> None:
        with Megafile.open(path) as mf:
            repr(mf)
            USES[used](mf, folder)

    return f"{make.__name__}, then {used}", run


USES: dict[str, Callable[[Megafile, Path], object]] = {
    "a list": lambda mf, folder: mf.universe().call_list("phone", "volunteer").write(folder / "list.csv"),
    "a count": lambda mf, folder: mf.universe("age > 30").count(),
    "a look": lambda mf, folder: (mf.sources, mf.rejects, mf.nights, mf.exports, mf.universe().sample(5), mf.check()),
    "a breakdown": lambda mf, folder: mf.universe().by("sex").table,
    "an explanation": lambda mf, folder: mf.explain(1),
    "people": lambda mf, folder: mf.universe().people(),
}


def flipped(rng: Random, path: Path) -> None:
    data = bytearray(sound())
    for _ in range(rng.choice([1, 5, 50, 500])):
        data[rng.randrange(len(data))] = rng.randrange(256)
    path.write_bytes(data)


def zeroed(rng: Random, path: Path) -> None:
    data, at = bytearray(sound()), rng.randrange(len(sound()))
    span = rng.choice([100, 4_096, 262_144])
    data[at : at + span] = bytes(len(data[at : at + span]))
    path.write_bytes(data)


def cut(rng: Random, path: Path) -> None:
    path.write_bytes(sound()[: rng.randrange(len(sound()))])


def shuffled(rng: Random, path: Path) -> None:
    data, block = sound(), rng.choice([4_096, 262_144])
    parts = [data[at : at + block] for at in range(12_288, len(data), block)]
    path.write_bytes(data[:12_288] + b"".join(rng.sample(parts, len(parts))))


def longer(rng: Random, path: Path) -> None:
    path.write_bytes(sound() + rng.randbytes(rng.choice([1, 4_096, 300_000])))


def head_lost(rng: Random, path: Path) -> None:
    path.write_bytes(rng.randbytes(rng.choice([8, 4_096, 12_288])) + sound()[12_288:])


def a_csv(rng: Random, path: Path) -> None:
    path.write_bytes(exports()[rng.choice(sorted(exports()))])


def an_archive(rng: Random, path: Path) -> None:
    path.write_bytes(gzip.compress(sound()))


def nothing_in_it(rng: Random, path: Path) -> None:
    path.write_bytes(b"")


def a_folder(rng: Random, path: Path) -> None:
    path.mkdir()


def a_sqlite_file(rng: Random, path: Path) -> None:
    with sqlite3.connect(path) as con:
        con.execute("CREATE TABLE person (person_id INTEGER)")


def a_duckdb_of_others(rng: Random, path: Path) -> None:
    with duckdb.connect(path) as con:
        con.execute(
            rng.choice(
                ["SELECT 1", "CREATE TABLE person (person_id BIGINT)", "CREATE VIEW person AS SELECT 1 AS person_id"]
            )
        )


def a_table_changed(rng: Random, path: Path) -> None:
    path.write_bytes(sound())
    with duckdb.connect(path) as con:
        tables = [name for (name,) in con.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()]
        table = rng.choice([*tables, "person", "suppression", "source_file"])
        column = rng.choice(con.execute(f'SELECT * FROM "{table}" LIMIT 0').description)[0]
        done = rng.choice(["dropped", "renamed", "a view", "column dropped", "column renamed"])
        con.execute({
            "dropped": f'DROP TABLE "{table}"',
            "renamed": f'ALTER TABLE "{table}" RENAME TO other',
            "a view": f'ALTER TABLE "{table}" RENAME TO other; CREATE VIEW "{table}" AS FROM other LIMIT 1',
            "column dropped": f'ALTER TABLE "{table}" RENAME TO other; CREATE TABLE "{table}" AS SELECT * EXCLUDE ("{column}"), 1 AS other FROM other',
            "column renamed": f'ALTER TABLE "{table}" RENAME TO other; CREATE TABLE "{table}" AS SELECT * RENAME ("{column}" AS other) FROM other',
        }[done])  # fmt: skip


OTHERS = [a_csv, an_archive, nothing_in_it, a_folder, a_sqlite_file, a_duckdb_of_others, *[a_table_changed] * 4]
