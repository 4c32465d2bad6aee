"""Zips and gz files cut, bent, blown up, with members twice."""

from __future__ import annotations

import gzip
import io
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random

from campaignkit import Megafile
from tests.attack.exports import exports
from tests.attack.files import check_lines

BOMB = 200_000_000  # bytes that a bomb unpacks to
METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


def prepare(rng: Random, folder: Path) -> tuple[str, Callable[[], None]]:
    """Damage one archive, or make one that is sound and hostile."""
    name = rng.choice(sorted(exports()))
    make = rng.choice(MADE)
    packed, ending = make(rng, name, exports()[name])
    tried = make.__name__
    if make in (plain_zip, plain_gz) or rng.random() < 0.3:
        damage = rng.choice(DAMAGES)
        packed, tried = damage(rng, packed), f"{tried} + {damage.__name__}"
    lying = folder / "exports"
    lying.mkdir()
    (lying / f"{name}{ending}").write_bytes(packed)

    def run() -> None:
        with Megafile.build(lying, folder / "m.duckdb", model=False, progress=False) as mf:
            check_lines(mf)

    return f"{tried}{ending}", run


def zipped(members: list[tuple[str | zipfile.ZipInfo, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of some members, in their order, names twice or not."""
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", method) as archive:
        warnings.simplefilter("ignore")
        for name, data in members:
            archive.writestr(name, data, method)
    return out.getvalue()


def plain_zip(rng: Random, name: str, data: bytes) -> tuple[bytes, str]:
    return zipped([(name, data)], rng.choice(METHODS)), ".zip"


def plain_gz(rng: Random, name: str, data: bytes) -> tuple[bytes, str]:
    return gzip.compress(data), ".gz"


def members_twice(rng: Random, name: str, data: bytes) -> tuple[bytes, str]:
    lines = data.split(b"\n")
    other = rng.choice([data, b"\n".join(lines[: len(lines) // 2]), b"", data.upper()])
    return zipped([(name, data), (rng.choice([name, name.upper(), f"a/../{name}", f"./{name}"]), other)]), ".zip"


def members_odd(rng: Random, name: str, data: bytes) -> tuple[bytes, str]:
    odd = rng.choice(
        ["../" * 9 + name, f"/{name}", f"a\\{name}", "", ".", "/", "a/", f"{name}/", "x" * 30_000, "é" + name, f"{name}\0x", "readme", "truth/x.csv", "con.xlsx", f"{name}.parquet", "\u202e" + name]
    )  # fmt: skip
    return zipped([(odd or "x", data), *([(name, data)] if rng.random() < 0.5 else [])]), ".zip"


def zip_in_zip(rng: Random, name: str, data: bytes) -> tuple[bytes, str]:
    inner = zipped([(name, data)])
    for _ in range(rng.randint(0, 5)):
        inner = zipped([("inner.zip", inner)])
    return zipped([(rng.choice([f"{name}.zip", "inner.zip", name]), inner)]), ".zip"


def empty_zip(rng: Random, name: str, data: bytes) -> tuple[bytes, str]:
    return zipped(rng.choice([[], [("folder/", b"")], [("__MACOSX/._x", b"x")], [(name, b"")]])), ".zip"


def many_members(rng: Random, name: str, data: bytes) -> tuple[bytes, str]:
    return zipped(
        [(f"{at}_{name}" if rng.random() < 0.9 else f"{at}.bin", data[:200]) for at in range(rng.randint(2, 40))]
    ), ".zip"


def bomb_zip(rng: Random, name: str, data: bytes) -> tuple[bytes, str]:
    return zipped([(name, _bomb(rng, data))]), ".zip"


def bomb_gz(rng: Random, name: str, data: bytes) -> tuple[bytes, str]:
    return gzip.compress(_bomb(rng, data), compresslevel=1), ".gz"


def _bomb(rng: Random, data: bytes) -> bytes:
    size = rng.choice([BOMB // 100, BOMB // 10, BOMB])
    filler = rng.choice(
        [b"\0", b"a", b"\n", b",", b'"', b"\r", data.split(b"\n")[-2] + b"\n" if data.count(b"\n") > 1 else b"x"]
    )
    return rng.choice([b"", data, data.split(b"\n")[0] + b"\n"]) + filler * (size // len(filler))


def long_head_gz(rng: Random, name: str, data: bytes) -> tuple[bytes, str]:
    filler = rng.choice([b"a", b" ", b"1", b"a,", b"|", b"\t", b'"'])
    length = rng.choice([20_000, 200_000, 600_000])
    return gzip.compress((filler * length)[:length] + rng.choice([b"", b"\n" + data])), ".gz"


def encrypted_zip(rng: Random, name: str, data: bytes) -> tuple[bytes, str]:
    packed = bytearray(zipped([(name, data)]))
    packed[6] |= 1  # the flag in the member's own header
    packed[packed.rfind(b"PK\x01\x02") + 8] |= 1
    return bytes(packed), ".zip"


def wrong_sizes_zip(rng: Random, name: str, data: bytes) -> tuple[bytes, str]:
    packed = bytearray(zipped([(name, data)]))
    central = packed.rfind(b"PK\x01\x02")
    for at in rng.sample(range(central + 10, central + 46), 3):
        packed[at] = rng.randrange(256)
    return bytes(packed), ".zip"


def gz_of_parts(rng: Random, name: str, data: bytes) -> tuple[bytes, str]:
    cut = rng.randint(0, len(data))
    return gzip.compress(data[:cut]) + rng.choice(
        [gzip.compress(data[cut:]), b"junk", b"\0" * 100, b"\x1f\x8b", b""]
    ), ".gz"


def gz_by_name(rng: Random, name: str, data: bytes) -> tuple[bytes, str]:
    return rng.choice(
        [data, b"", zipped([(name, data)]), zlib.compress(data), gzip.compress(gzip.compress(data))]
    ), ".gz"


def zip_by_name(rng: Random, name: str, data: bytes) -> tuple[bytes, str]:
    return rng.choice(
        [data, b"", gzip.compress(data), b"PK\x05\x06" + b"\0" * 18, b"PK\x05\x06" + b"\xff" * 18]
    ), ".zip"


def cut(rng: Random, packed: bytes) -> bytes:
    return packed[: rng.randint(0, len(packed))]


def flipped(rng: Random, packed: bytes) -> bytes:
    changed = bytearray(packed)
    for _ in range(rng.choice([1, 1, 3, 20])):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def flipped_at_ends(rng: Random, packed: bytes) -> bytes:
    changed = bytearray(packed)
    for _ in range(rng.choice([1, 2, 4])):
        if changed:
            at = rng.randrange(min(60, len(changed)))
            changed[at if rng.random() < 0.5 else -at - 1] = rng.randrange(256)
    return bytes(changed)


def part_lost(rng: Random, packed: bytes) -> bytes:
    at = rng.randint(0, len(packed))
    return packed[:at] + packed[at + rng.randint(1, 300) :]


def something_before(rng: Random, packed: bytes) -> bytes:
    return rng.randbytes(rng.randint(1, 300)) + packed


def something_after(rng: Random, packed: bytes) -> bytes:
    return packed + rng.randbytes(rng.randint(1, 300))


MADE = [
    *[plain_zip, plain_gz] * 5, members_twice, members_odd, zip_in_zip, empty_zip, many_members, bomb_zip, bomb_gz, long_head_gz,
    encrypted_zip, wrong_sizes_zip, gz_of_parts, gz_by_name, zip_by_name,
]  # fmt: skip
DAMAGES = [cut, flipped, flipped, flipped_at_ends, flipped_at_ends, part_lost, something_before, something_after]
