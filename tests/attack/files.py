"""Exports with every kind of damage that a download, an editor, a spreadsheet or an attacker can do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from random import Random

from campaignkit import Megafile
from tests.attack.attempts import BrokenPromiseError
from tests.attack.exports import encoding_of, exports

HOSTILE_NAMES = [
    "record_id", "*", "^.*$", '"', "'", "p", "", " ", "person_id", "__column", "column_0", "a" * 3_000, "É", "line", "\u200b",
    "literal", "index", "x; DROP TABLE person", "{}", "(a+)+$", "[", "NULL", "file_id", "seen_id", "raw", "extra", "len",
]  # fmt: skip
HOSTILE_CELLS = [
    "=1+1", "\u200b=1+1", "＝1+1", "00/00/0000", "99999999999999999999", "1e309", "-0", "NaN", "1.234,56", "25,50", "(25.00)",
    "€5", "02/30/2012", "12/31/9999", "01/01/0001", "1/1/70", "\x00", "\x1a", "\u2028", "\x0b", "\U0001f600", "x" * 50_000,
    '"', '""', '"a" b', "O'Brien", "\\", "NULL", "t", "'; DROP TABLE person; --", "１２", "Ohio", "1" * 400, "\ud7ff",
]  # fmt: skip
NAMES = [
    "readme_{n}", "truth_{n}", "{n}.xlsx", "{n}.parquet", "{n}.bz2", "{n}.zst", "x.csv", "20129999_{n}", "29991231_{n}", "00010101_{n}",
    " {n}", "{n}.gz", "{n}.zip", "ü{n}", "{n} (1).csv", "a'b{n}", 'a"b{n}', "%s{n}", "{n}.csv.csv", "UPPER{n}.CSV", "a;b{n}",
]  # fmt: skip


def prepare(rng: Random, folder: Path) -> tuple[str, Callable[[], None]]:
    """Damage one export in one to three ways."""
    name = rng.choice(sorted(exports()))
    data = exports()[name]
    tried = []
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        damage = rng.choice(DAMAGES)
        data = damage(rng, data)
        tried.append(damage.__name__)
    bent = rng.choice(NAMES).replace("{n}", name) if rng.random() < 0.1 else name
    raw_name = bent.encode() if rng.random() < 0.98 else b"caf\xe9_" + bent.encode()
    lying = folder / "exports"
    lying.mkdir()
    (lying / raw_name.decode("utf-8", "surrogateescape")).write_bytes(data)

    def run() -> None:
        with Megafile.build(lying, folder / "m.duckdb", model=False, progress=False) as mf:
            check_lines(mf, data if encoding_of(data) != "utf-16" and bent == name else None)

    return f"{name.split('_2012')[0]}: {' + '.join(tried)}{'' if bent == name else ' as ' + repr(bent)}", run


def check_lines(mf: Megafile, data: bytes | None = None) -> None:
    """Hold that each file's lines add up; and that there are as many as its bytes say, where that is plain."""
    read = mf.sources.filter(mf.sources["lines"].is_not_null())
    for row in read.iter_rows(named=True):
        parts = [row[part] or 0 for part in ("header_lines", "accepted_lines", "rejected_lines")]
        if sum(parts) != row["lines"]:
            raise BrokenPromiseError(f"lines lost: {' + '.join(map(str, parts))} are not {row['lines']}")
        if (row["accepted"] or 0) + (row["rejected"] or 0) != (row["records"] or 0):
            raise BrokenPromiseError("records lost: accepted + rejected are not records")
    if data is not None and read.height == 1 and not re.search(rb"\r(?!\n)", data) and b"\0" not in data:
        lines = data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
        if read["lines"][0] != lines:
            raise BrokenPromiseError(f"lines lost: {read['lines'][0]} were counted of {lines}")


def _text(data: bytes) -> str:
    return data.decode(encoding_of(data), "replace")


def _delimiter(text: str) -> str:
    head = text.split("\n", 1)[0]
    return max(",\t|;", key=head.count)


def _columns(change: Callable[[Random, list[str]], list[str]]) -> Callable[[Random, bytes], bytes]:
    """Return a damage that changes every row alike: `change` gets the row's number of columns in place of a row."""

    def damage(rng: Random, data: bytes) -> bytes:
        text, encoding = _text(data), encoding_of(data)
        lines, delimiter = text.split("\n"), _delimiter(text)
        order = change(rng, [str(at) for at in range(len(lines[0].split(delimiter)))])
        changed = []
        for line in lines:
            cells = line.rstrip("\r").split(delimiter)
            picked = [cells[int(at)] if at.isdigit() and int(at) < len(cells) else "" for at in order]
            changed.append(delimiter.join(picked) if line else line)
        return "\n".join(changed).encode(encoding, "replace")

    damage.__name__ = change.__name__
    return damage


def columns_dropped(rng: Random, order: list[str]) -> list[str]:
    dropped = set(rng.sample(order, rng.randint(1, max(1, len(order) // 3))))
    return [at for at in order if at not in dropped]


def columns_repeated(rng: Random, order: list[str]) -> list[str]:
    return order + rng.choices(order, k=rng.randint(1, 3))


def columns_shuffled(rng: Random, order: list[str]) -> list[str]:
    return rng.sample(order, len(order))


def _header(change: Callable[[Random, list[str]], list[str]]) -> Callable[[Random, bytes], bytes]:
    """Return a damage that changes the header alone."""

    def damage(rng: Random, data: bytes) -> bytes:
        text, encoding = _text(data), encoding_of(data)
        head, _, rest = text.partition("\n")
        delimiter = _delimiter(text)
        return (delimiter.join(change(rng, head.split(delimiter))) + "\n" + rest).encode(encoding, "replace")

    damage.__name__ = change.__name__
    return damage


def header_renamed(rng: Random, names: list[str]) -> list[str]:
    names[rng.randrange(len(names))] = rng.choice(HOSTILE_NAMES)
    return names


def header_widened(rng: Random, names: list[str]) -> list[str]:
    return names + rng.choices(HOSTILE_NAMES, k=rng.randint(1, 5))


def header_repeated(rng: Random, names: list[str]) -> list[str]:
    names[rng.randrange(len(names))] = rng.choice(names)
    return names


def header_of_5000(rng: Random, names: list[str]) -> list[str]:
    return names + [f"c{at}" for at in range(5_000)]


def _lines(change: Callable[[Random, list[str]], list[str]]) -> Callable[[Random, bytes], bytes]:
    """Return a damage that changes lines."""

    def damage(rng: Random, data: bytes) -> bytes:
        lines = change(rng, _text(data).split("\n"))
        return "\n".join(lines).encode(encoding_of(data), "replace")

    damage.__name__ = change.__name__
    return damage


def header_again(rng: Random, lines: list[str]) -> list[str]:
    lines.insert(rng.randrange(len(lines)), lines[0])
    return lines


def header_missing(rng: Random, lines: list[str]) -> list[str]:
    return lines[1:]


def header_only(rng: Random, lines: list[str]) -> list[str]:
    return lines[:1]


def blank_lines(rng: Random, lines: list[str]) -> list[str]:
    for _ in range(rng.randint(1, 5)):
        lines.insert(rng.randrange(len(lines) + 1), rng.choice(["", " ", "\t", ",,,,", "\r"]))
    return lines


def lines_shuffled(rng: Random, lines: list[str]) -> list[str]:
    return rng.sample(lines, len(lines))


def lines_repeated(rng: Random, lines: list[str]) -> list[str]:
    return lines + rng.choices(lines, k=rng.randint(1, 30))


def stray_quotes(rng: Random, lines: list[str]) -> list[str]:
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(lines))
        cut = rng.randint(0, len(lines[at]))
        lines[at] = lines[at][:cut] + '"' + lines[at][cut:]
    return lines


def long_first_line(rng: Random, lines: list[str]) -> list[str]:
    length = rng.choice([2_000, 20_000, 200_000])
    filler = rng.choice(["a", "a,", "1", " ", '"', "é", "1234567890"])
    lines[0] = rng.choice([lines[0], ""]) + (filler * length)[:length]
    return lines


def long_line(rng: Random, lines: list[str]) -> list[str]:
    at = rng.randrange(len(lines))
    lines[at] += rng.choice(["x", ",", '"', " "]) * rng.choice([5_000, 200_000, 3_000_000])
    return lines


def ragged_lines(rng: Random, lines: list[str]) -> list[str]:
    for _ in range(rng.randint(1, 10)):
        at = rng.randrange(len(lines))
        lines[at] = rng.choice([lines[at] + ",x,y", lines[at][: len(lines[at]) // 2], lines[at].replace(",", "", 2)])
    return lines


def hostile_cells(rng: Random, lines: list[str]) -> list[str]:
    delimiter = _delimiter("\n".join(lines))
    for _ in range(rng.randint(1, 12)):
        at = rng.randrange(len(lines))
        cells = lines[at].split(delimiter)
        cells[rng.randrange(len(cells))] = rng.choice(HOSTILE_CELLS)
        lines[at] = delimiter.join(cells)
    return lines


def delimiter_changed(rng: Random, data: bytes) -> bytes:
    text = _text(data)
    old, new = _delimiter(text), rng.choice([",", "\t", "|", ";", ":", "\x01", "||", ", "])
    if rng.random() < 0.5:
        return text.replace(old, new).encode(encoding_of(data), "replace")
    changed = [line.replace(old, new) if rng.random() < 0.3 else line for line in text.split("\n")]
    return "\n".join(changed).encode(encoding_of(data), "replace")


def bytes_flipped(rng: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 20)):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def bytes_inserted(rng: Random, data: bytes) -> bytes:
    at = rng.randint(0, len(data))
    junk = rng.choice(
        [b"\0" * 9, rng.randbytes(50), b"\xff\xfe", b"\xef\xbb\xbf", b"\x1a", b"\r", b"\x85", b"\xed\xa0\x80"]
    )
    return data[:at] + junk + data[at:]


def bytes_removed(rng: Random, data: bytes) -> bytes:
    at = rng.randint(0, len(data))
    return data[:at] + data[at + rng.randint(1, 200) :]


def truncated(rng: Random, data: bytes) -> bytes:
    return data[: rng.randint(0, len(data))]


def noise(rng: Random, data: bytes) -> bytes:
    return rng.choice(
        [b"", b"\n", b"\0", rng.randbytes(5_000), b"PK\x03\x04" + data, b"\x1f\x8b" + data, b"SQLite format 3\0" + data]
    )


def line_ends_changed(rng: Random, data: bytes) -> bytes:
    new = rng.choice(["\r", "\r", "\r\n", "\n\r", "\x0b", "\u2028", "\x1e", "\n\n"])
    return _text(data).replace("\r\n", "\n").replace("\n", new).encode(encoding_of(data), "replace")


def line_ends_mixed(rng: Random, data: bytes) -> bytes:
    text = _text(data).replace("\r\n", "\n")
    return re.sub("\n", lambda _: rng.choice(["\n", "\r", "\r\n"]), text).encode(encoding_of(data), "replace")


def encoding_changed(rng: Random, data: bytes) -> bytes:
    new = rng.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "cp1252", "cp437", "utf-7", "cp037"])
    return _text(data).replace("a", rng.choice(["a", "ä", "a"])).encode(new, "replace")


DAMAGES: list[Callable[[Random, bytes], bytes]] = [
    *map(_columns, (columns_dropped, columns_repeated, columns_shuffled)),
    *map(_header, (header_renamed, header_widened, header_repeated, header_of_5000)),
    *map(_lines, (header_again, header_missing, header_only, blank_lines, lines_shuffled, lines_repeated, stray_quotes,
                  long_first_line, long_line, ragged_lines, hostile_cells)),
    delimiter_changed, bytes_flipped, bytes_inserted, bytes_removed, truncated, noise, line_ends_changed,
    line_ends_mixed, encoding_changed,
]  # fmt: skip
