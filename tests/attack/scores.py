"""Saved scores that were edited, cut or made up."""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from campaignkit import sample, voters
from tests.attack.attempts import BrokenPromiseError
from tests.attack.layouts import wrong_tree

WRONG = [
    None, 0, -1, 1e300, float("nan"), float("inf"), "", "x", [], {}, [None], [[]], {"x": 1}, True, "x" * 50_000, "'; DROP TABLE person; --",
    "a') OR true --", ["x"], [1, 2, 3], {"": {}}, 10**40, "\ud800", "2012-13-45",
]  # fmt: skip


@functools.cache
def kept() -> tuple[Any, str]:
    """Return people, and a score fitted on them as it is saved."""
    people = sample.draw("contest", 2_000, seed=1, host="host_a", appeal=4.0).table
    score = voters.fit_score(
        people, "entered", {"basics": ["sex", "age_band"], "consumer": ["homeowner"]}, name="enters", purpose="volunteer",
        unit="person", restricted=["fec_gifts"],
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        return people.head(50), score.save_model(Path(folder) / "enters.json").read_text(encoding="utf-8")


def prepare(rng: Random, folder: Path) -> tuple[str, Callable[[], None]]:
    """Change a saved score, and load, read and use it."""
    people, text = kept()
    path = folder / "score.json"
    tried, data = _wrong(rng, text)
    path.write_bytes(data)

    def run() -> None:
        score = voters.Score.load(path)
        score.predict(people).collect()
        score.summary()
        score.save_model(folder / "again.json")
        if "fec_gifts" not in score.restricted:
            raise BrokenPromiseError("restriction lost: an edited score is no longer restricted")

    return tried, run


def _wrong(rng: Random, text: str) -> tuple[str, bytes]:
    if rng.random() < 0.2:
        return "cut", text[: rng.randint(0, len(text))].encode()
    if rng.random() < 0.2:
        changed = bytearray(text.encode())
        for _ in range(rng.randint(1, 8)):
            changed[rng.randrange(len(changed))] = rng.choice(b'{}[]",:0x\xff')
        return "bytes changed", bytes(changed)
    if rng.random() < 0.1:
        other = rng.choice(["null", "[]", "{}", "1", '"x"', "[" * 100_000, "", "\ufeff" + text])
        return f"{other[:8]!r} in its place", other.encode()
    tree = json.loads(text)
    tried = [wrong_tree(rng, tree, WRONG) for _ in range(rng.choice([1, 1, 2, 4]))]
    if rng.random() < 0.1 and isinstance(tree, dict):
        tree["restricted"] = []
        tried.append("restricted emptied")
    return " + ".join(tried), json.dumps(tree).encode()
