"""Layouts and bytes spoiled at random, alike for a seed."""

from __future__ import annotations

import random
import re

#: Values of every type, and texts that mean something to regular expressions, dates, Polars or DuckDB.
VALUES = (
    "1", "-5", "true", "nan", "1.5", "2012-01-01", "99999999999999999999", "[]", '["a"]', "[1]", "[[1]]", "{}",
    "{a=1}", '""', '"x"', '"(?=a)b"', '"("', '"(a)"', '"%Q"', '"%"', '"%s"', '"%Z"', '"%+"', '"*"', '"^.*$"',
    '"\\u0000"', '"record_id"', '"VOTER_ID"', '"value"', '"é"', '"\\n"', '"{a"', '"{}"', '"a{99999999}"', '"\\\\1"',
)  # fmt: skip
MARKS = "\"'[]{}=,.#\n()\\*+?%ab19 "


def spoiled_text(text: str, rng: random.Random) -> str:
    """Return a TOML text with a few characters, a value or a line changed."""
    lines = text.split("\n")
    kind = rng.random()
    if kind < 0.3:
        marks = list(text)
        for _ in range(rng.randint(1, 4)):
            marks[rng.randrange(len(marks))] = rng.choice([*MARKS, ""])
        return "".join(marks)
    if kind < 0.7:
        at = rng.choice([n for n, line in enumerate(lines) if "=" in line])
        lines[at] = f"{lines[at].partition('=')[0]}= {rng.choice(VALUES)}"
    elif kind < 0.9:
        spot = rng.choice(list(re.finditer(r"""= ?("[^"]*"|'[^']*'|\[[^\]]*\]|true|false)""", text)))
        return text[: spot.start(1)] + rng.choice(VALUES) + text[spot.end(1) :]
    else:
        del lines[rng.randrange(len(lines))]
    return "\n".join(lines)


def spoiled_bytes(data: bytes, rng: random.Random, most: int = 3) -> bytes:
    """Return bytes with some changed, taken out, put in, or all after some place cut off."""
    spoiled = bytearray(data)
    for _ in range(rng.randint(1, most)):
        kind, at = rng.random(), rng.randrange(max(len(spoiled), 1))
        if kind < 0.7 and spoiled:
            spoiled[at] = rng.randrange(256)
        elif kind < 0.8:
            del spoiled[at : at + rng.randint(1, 30)]
        elif kind < 0.95:
            spoiled[at:at] = rng.randbytes(rng.randint(1, 10))
        else:
            del spoiled[at:]
    return bytes(spoiled)
