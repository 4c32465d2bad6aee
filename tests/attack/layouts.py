"""Layouts and manifests written by hand, wrongly: wrong types, names, patterns, formats, encodings."""

from __future__ import annotations

import copy
import functools
import os
import tomllib
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import campaignkit
from campaignkit import Megafile
from tests.attack.exports import exports
from tests.attack.files import check_lines

#: Layouts of the sample's exports, and the beginning of the export's name.
LAYOUTS = {
    "supporters": "supporters", "oh_voter": "OH_SWVF", "van_voters": "van_voters", "van_contact_history": "van_contact",
    "unsubscribers": "unsubscribers", "email_events": "email_events", "text_optins": "text_optins", "actblue": "actblue",
    "fec_itcont": "fec", "consumer_append": "consumer", "nc_voter": "ncvoter", "nc_history": "ncvhis",
}  # fmt: skip
WRONG = [
    0, -1, 10**30, 1.5, True, "", " ", "x", [], {}, [[]], ["x", 5], [1, 2], {"x": 1}, date(2012, 10, 1), "x" * 20_000, "é", "*", '"',
    "/[/", "/(a+)+$/", "[", "(", "(?P<n", "(a+)+$", "^.*$", "(.*)*(.*)*", "\\", "\n", ",,", "\0", "utf-7", "rot13", "hex", "idna", "latin1", "none",
    "%Q", "%", "%Y" * 40, "{", "{}", "{0}", "{x.__class__}", "{x!r:>99999}", "VOTER_ID", "person", "gift", "no_such_table",
    'gift"; DROP TABLE person; --', {"column": 5}, {"column": []}, {"group": 99}, {"group": "x"}, {"value": []}, {"template": 7},
    {"column": "x", "values": []}, {"column": "x", "values": {"a": 1}}, {"column": "x", "format": 5}, {"column": "x", "pattern": "("},
    {"column": "x", "pattern": "no group"}, {"column": "x", "format": ["%Y", 5]}, {}, [{}], [{"table": "gift"}],
]  # fmt: skip


def prepare(rng: Random, folder: Path) -> tuple[str, Callable[[], None]]:
    """Give a wrong layout, or a wrong manifest, for an export that a right one would read."""
    layout = rng.choice(sorted(LAYOUTS))
    lying = folder / "exports"
    lying.mkdir()
    name = next(name for name in exports() if LAYOUTS[layout].casefold() in name.casefold())
    (lying / name).write_bytes(exports()[name])
    path = folder / f"{layout}.toml"
    if rng.random() < 0.15:
        tried, data = _manifest(rng, name, layout)
        _place(rng, lying / "manifest.toml", data)
        own = []
    else:
        tried, data = _wrong(rng, source(layout))
        _place(rng, path, data)
        own = [path]

    def run() -> None:
        with Megafile.build(lying, folder / "m.duckdb", layouts=own, model=False, progress=False) as mf:
            check_lines(mf)
            mf.universe().count()

    return f"{layout}: {tried}", run


@functools.cache
def source(layout: str) -> str:
    """Return a built-in layout as it is written."""
    return (Path(campaignkit.__file__).parent / "megafile" / "layouts" / f"{layout}.toml").read_text(encoding="utf-8")


def _wrong(rng: Random, text: str) -> tuple[str, bytes]:
    if rng.random() < 0.25:
        change = rng.choice([_cut, _flip, _line_twice, _line_gone, _other_encoding])
        return change.__name__.strip("_"), change(rng, text)
    tree = tomllib.loads(text)
    tried = [wrong_tree(rng, tree, WRONG) for _ in range(rng.choice([1, 1, 1, 2, 4]))]
    return " + ".join(tried), toml(tree).encode("utf-8", "surrogateescape")


def wrong_tree(rng: Random, tree: Any, wrong: list[Any]) -> str:
    """Change one place of a tree of dicts and lists, and say how."""
    places = list(_places(tree))
    holder, key = rng.choice(places)
    where = str(key)[:40]
    change = rng.choice(["wrong", "wrong", "wrong", "deleted", "renamed", "swapped", "added"])
    if change == "deleted":
        del holder[key]
    elif change == "renamed" and isinstance(holder, dict):
        holder[rng.choice([f"{key}x", "", str(key).upper(), "column", "*", "é", "a b"])] = holder.pop(key)
    elif change == "swapped":
        other, place = rng.choice(places)
        if place in (other if isinstance(other, dict) else range(len(other))):
            other[place] = copy.deepcopy(holder[key])
        return f"{where} copied to {str(place)[:40]}"
    elif change == "added" and isinstance(holder, dict):
        name = rng.choice(["x", "where", "restricted", "columns", "key", "unpivot", "manifest", "header"])
        holder[name] = copy.deepcopy(rng.choice(wrong))
    else:
        value = copy.deepcopy(rng.choice(wrong))
        holder[key] = value
        return f"{where} = {str(value)[:40]!r}"
    return f"{where} {change}"


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    pairs = list(tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ())
    for key, value in pairs:
        yield tree, key
        yield from _places(value)


def toml(tree: dict[str, Any]) -> str:
    """Write a tree as TOML, tables inline."""
    return "".join(f"{_text(key)} = {_value(value)}\n" for key, value in tree.items())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(key)} = {_value(item)}" for key, item in value.items()) + "}"
    return value.isoformat() if isinstance(value, date) else repr(value)


def _text(text: str) -> str:
    escaped = "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text)
    return f'"{escaped}"'


def _cut(rng: Random, text: str) -> bytes:
    return text[: rng.randint(0, len(text))].encode()


def _flip(rng: Random, text: str) -> bytes:
    changed = bytearray(text.encode())
    for _ in range(rng.randint(1, 6)):
        changed[rng.randrange(len(changed))] = rng.choice(b"=[]{}\",\n'\\#.x0 \xff")
    return bytes(changed)


def _line_twice(rng: Random, text: str) -> bytes:
    lines = text.split("\n")
    lines.insert(rng.randrange(len(lines)), rng.choice(lines))
    return "\n".join(lines).encode()


def _line_gone(rng: Random, text: str) -> bytes:
    lines = text.split("\n")
    del lines[rng.randrange(len(lines))]
    return "\n".join(lines).encode()


def _other_encoding(rng: Random, text: str) -> bytes:
    return text.replace('"', '"é', 1).encode(rng.choice(["latin-1", "utf-16", "utf-8-sig", "utf-32"]), "replace")


def _manifest(rng: Random, name: str, layout: str) -> tuple[str, bytes]:
    tree: dict[str, Any] = {name: {"layout": layout, "as_of": date(2012, 10, 1)}, "gone.csv": {"layout": layout}}
    if rng.random() < 0.3:
        change = rng.choice([_cut, _flip, _other_encoding])
        return f"manifest {change.__name__.strip('_')}", change(rng, toml(tree))
    return f"manifest {wrong_tree(rng, tree, WRONG)}", toml(tree).encode("utf-8", "surrogateescape")


def _place(rng: Random, path: Path, data: bytes) -> None:
    """Write the file; now and then a folder, a link to nowhere or nothing at all lies in its place."""
    instead = rng.choice(["folder", "link", "nothing"]) if rng.random() < 0.03 else "file"
    if instead == "folder":
        path.mkdir()
    elif instead == "link":
        os.symlink(path.parent / "nowhere", path)
    elif instead == "file":
        path.write_bytes(data)
