"""What a layout's TOML may say: the type of every key, and patterns, formats and groups that can be used."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import polars as pl

from campaignkit.errors import LayoutError, listed, nearest
from campaignkit.megafile.own_columns import KEEP, NAME, TYPES

#: Sources link in this order: whoever comes first is the standing person the next is compared with.
KINDS = ("voter", "van", "vendor", "supporter", "donor", "volunteer", "list", "none")
MODES = ("snapshot", "append", "upsert")
ENCODINGS = ("utf-8", "cp1252", "utf-16")


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and item for item in value)


def _facts(value: Any) -> bool:
    facts = value.values() if isinstance(value, dict) else value
    return isinstance(value, list | dict) and all(isinstance(fact, dict) for fact in facts)


def _text_by_name(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _scalar(value: Any) -> bool:
    return isinstance(value, str | int | float | bool | date)


_TYPES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "text": (lambda value: isinstance(value, str), "text in quotes"),
    "name": (lambda value: isinstance(value, str) and bool(value.strip()), "text in quotes, not empty"),
    "texts": (_texts, 'a list of texts, like ["A", "B"]'),
    "flag": (lambda value: isinstance(value, bool), "true or false"),
    "count": (lambda value: type(value) is int and 1 <= value <= 9, "a whole number from 1 to 9"),
    "table": (lambda value: isinstance(value, dict), "a table"),
    "facts": (_facts, "written [[fact]], or [fact.a_name] for dated facts of one's own"),
    "attributes": (lambda v: isinstance(v, dict) and all(isinstance(a, dict) for a in v.values()),
                   "written [attribute.a_name]"),
    "names": (_text_by_name, 'a table of texts, like { A = "a" }'),
    "lists": (lambda value: isinstance(value, dict) and all(map(_texts, value.values())), "a table of lists of texts"),
    "date": (lambda value: type(value) is date, "a date, like 2012-10-01 without quotes"),
    "format": (lambda value: isinstance(value, str) or _texts(value), "a date's format or a list of them"),
    "scalar": (_scalar, "text, a number, a date, true or false"),
    "group": (lambda v: isinstance(v, str | int) and not isinstance(v, bool), 'a group\'s number, "value" or "label"'),
    "maker": (lambda v: isinstance(v, str | dict), "a column's name or a table"),
    "makers": (lambda v: isinstance(v, dict) and all(isinstance(m, str | dict) for m in v.values()),
               "a table of columns' names or tables"),
}  # fmt: skip

_KEYS = {
    "": {"name": "name", "title": "text", "reference": "text", "source": "name", "kind": "text", "mode": "text",
         "scope": "texts", "key": "texts", "restricted": "text", "notes": "text",
         "file": "table", "as_of": "table", "person": "table", "fact": "facts", "attribute": "attributes"},
    "file": {"delimiter": "text", "quote": "text", "encoding": "text", "header": "flag",
             "header_rows": "count", "last_header_row": "text", "required": "texts", "optional": "texts",
             "sheet": "name",
             "unused": "texts", "columns": "texts", "patterns": "names"},
    "as_of": {"file_name": "text", "column": "name", "format": "text", "date": "date"},
    "person": {"source": "name", "key": "texts", "one_per_person": "flag", "columns": "makers"},
    "fact": {"table": "text", "unpivot": "text", "where": "lists", "columns": "makers"},
    "attribute": {"type": "text", "label": "name", "keep": "text", "column": "text", "template": "text",
                  "value": "scalar", "format": "format", "values": "names", "pattern": "text"},
    "own fact": {"name": "name", "label": "name", "where": "lists", "date": "maker", "value": "maker",
                 "amount": "maker"},
    "column": {"column": "text", "template": "text", "value": "scalar", "group": "group", "format": "format",
               "values": "names", "pattern": "text"},
}  # fmt: skip


def check_layout(spec: dict[str, Any], where: str) -> None:
    """Refuse a layout's TOML that says what no layout can.

    Raises
    ------
    LayoutError
        If a key is unknown or of another type, a choice is none of those there are, or a pattern, format or group
        can't be used.
    """
    check_keys(spec, "", where)
    file, as_of, person = (spec.get(part, {}) for part in ("file", "as_of", "person"))
    for part, keys in (("file", file), ("as_of", as_of), ("person", person)):
        check_keys(keys, part, where)
    _check_choices(spec, file, where)
    _check_file(file, where)
    _check_as_of(as_of, where)
    _check_people(spec, person, where)
    for name, maker in person.get("columns", {}).items():
        _check_maker(maker, None, f"{where}, source_record.{name}")
    facts = spec.get("fact", [])
    for fact in facts if isinstance(facts, list) else []:
        if "name" not in fact:
            _check_fact(fact, where)
    for name, attribute in spec.get("attribute", {}).items():
        _check_attribute(name, attribute, f"{where}, attribute.{name}")
    for name, fact in named_facts(spec).items():
        _check_own_fact(name, fact, f"{where}, fact.{name}")
    if spec.get("attribute") or named_facts(spec):
        _check_about_people(spec, where)


def named_facts(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the dated facts of one's own by name: ``[fact.rsvp]``, or ``[[fact]]`` with a ``name``."""
    facts = spec.get("fact", [])
    if isinstance(facts, dict):
        return facts
    return {fact["name"]: fact for fact in facts if isinstance(fact.get("name"), str)}


def _check_own_name(name: str, where: str) -> None:
    if not NAME.fullmatch(name):
        raise LayoutError(f"{where}: a name is of small letters, digits and _, beginning with a letter.")


def _check_attribute(name: str, attribute: dict[str, Any], where: str) -> None:
    _check_own_name(name, where)
    check_keys(attribute, "attribute", where)
    kind, keep = attribute.get("type", "text"), attribute.get("keep", "latest")
    if kind not in TYPES:
        raise LayoutError(f"{where}: type is {kind!r}; it is one of {listed(TYPES)}.")
    if keep not in KEEP or (keep == "total" and kind not in ("number", "dollars")):
        raise LayoutError(f"{where}: keep is {keep!r}; it is one of {listed(KEEP)} (total of numbers and dollars).")
    _check_maker({key: value for key, value in attribute.items() if key not in ("type", "label", "keep")}, None, where)


def _check_own_fact(name: str, fact: dict[str, Any], where: str) -> None:
    _check_own_name(name, where)
    check_keys(fact, "own fact", where)
    if "date" not in fact:
        raise LayoutError(f"{where}: a fact needs `date`, the column that says when it happened.")
    for part in ("date", "value", "amount"):
        if part in fact:
            _check_maker(fact[part], None, f"{where}.{part}")


def _check_about_people(spec: dict[str, Any], where: str) -> None:
    if "person" not in spec:
        raise LayoutError(f"{where}: attributes and facts need [person]: who a row is about.")


def check_keys(spec: dict[str, Any], part: str, where: str) -> None:
    """Refuse unknown keys in a part of a layout, and values of another type than they take."""
    place = f" in [{part}]" if part else ""
    for key, value in spec.items():
        if key not in _KEYS[part]:
            raise LayoutError(f"{where}: unknown key {key!r}{place}{nearest(key, _KEYS[part])}")
        holds, described = _TYPES[_KEYS[part][key]]
        if not holds(value):
            raise LayoutError(f"{where}: {key}{place} must be {described}; it is {value!r}.")


def _check_choices(spec: dict[str, Any], file: dict[str, Any], where: str) -> None:
    for key in ("name", "source", "kind", "mode"):
        if key not in spec:
            raise LayoutError(f"{where} lacks {key!r}.")
    choices = [("kind", spec["kind"], KINDS), ("mode", spec["mode"], MODES)]
    choices.append(("encoding", file.get("encoding", "utf-8"), ENCODINGS))
    for key, value, allowed in choices:
        if value not in allowed:
            raise LayoutError(f"{where}: {key} is {value!r}; it is one of {listed(allowed)}.")
    if file.get("header", True) and not file.get("required"):
        raise LayoutError(f"{where}: a file with a header needs `required`, the columns that tell it apart.")
    if not file.get("header", True) and not (file.get("columns") and file.get("patterns")):
        raise LayoutError(f"{where}: a file without a header needs `columns` and `patterns`.")


def _check_file(file: dict[str, Any], where: str) -> None:
    delimiter, quote = file.get("delimiter", ","), file.get("quote", '"')
    for name, mark, empty in (("delimiter", delimiter, False), ("quote", quote, True)):
        if not (mark == "" and empty) and (len(mark) != 1 or not mark.isascii() or mark in "\r\n\0"):
            raise LayoutError(f"{where}: {name} is {mark!r}; it is one ASCII character, and no line end.")
    if delimiter == quote:
        raise LayoutError(f"{where}: delimiter and quote are both {quote!r}.")
    if (file.get("header_rows", 1) > 1) != ("last_header_row" in file):
        raise LayoutError(
            f"{where}: header_rows and last_header_row go together: a pattern that a cell of the last header row has, "
            "so that no person is taken for a header."
        )
    _groups(file.get("last_header_row", ""), f"{where}: last_header_row")
    columns = file.get("columns", [])
    if twice := {name for name in columns if columns.count(name) > 1}:
        raise LayoutError(f"{where}: columns has {listed(sorted(twice))} twice.")
    for name, pattern in file.get("patterns", {}).items():
        if name not in columns:
            raise LayoutError(f"{where}: patterns has {name!r}, which columns lacks{nearest(name, columns)}")
        _groups(pattern, f"{where}: the pattern of {name}")
    for entry in file.get("unused", []):
        if is_pattern(entry):
            _groups(entry[1:-1], f"{where}: unused")


def _check_as_of(as_of: dict[str, Any], where: str) -> None:
    if "file_name" in as_of and _groups(as_of["file_name"], f"{where}: file_name in [as_of]") < 1:
        raise LayoutError(f"{where}: file_name in [as_of] needs a group around the date, like '(\\d{{8}})'.")
    if "format" in as_of:
        _check_format(as_of["format"], f"{where}, [as_of]")


def _check_people(spec: dict[str, Any], person: dict[str, Any], where: str) -> None:
    columns = person.get("columns", {})
    for name in spec.get("scope", []):
        if name not in columns:
            raise LayoutError(f"{where}: scope names {name!r}, which [person.columns] lacks{nearest(name, columns)}")
    if "person" in spec and not (person.get("key") or spec.get("key")):
        raise LayoutError(f"{where}: [person] needs `key`, the columns that say who a row is about.")


def _check_fact(fact: dict[str, Any], where: str) -> None:
    check_keys(fact, "fact", where)
    groups = _groups(fact["unpivot"], f"{where}: unpivot") if "unpivot" in fact else None
    for name, maker in fact.get("columns", {}).items():
        _check_maker(maker, groups, f"{where}, {fact.get('table', '')}.{name}")


def _check_maker(maker: str | dict[str, Any], groups: int | None, where: str) -> None:
    """Check how a column is made; `groups` is how many the unpivoting pattern has, None: nothing is unpivoted."""
    if isinstance(maker, str):
        return
    check_keys(maker, "column", where)
    if sum(part in maker for part in ("column", "template", "value", "group")) != 1:
        raise LayoutError(f"{where} needs exactly one of column, template, value, group.")
    for form in [maker["format"]] if isinstance(maker.get("format"), str) else maker.get("format", []):
        _check_format(form, where)
    if "group" in maker:
        _check_group(maker["group"], groups, where)
    if "pattern" in maker:
        _check_extracting(maker["pattern"], where)
    if re.search(r"[{}]", re.sub(r"\{[^{}]+\}", "", maker.get("template", ""))):
        raise LayoutError(f"{where}: template is {maker['template']!r}; columns stand in it like {{NAME}}.")


def _check_group(group: str | int, groups: int | None, where: str) -> None:
    if groups is None:
        raise LayoutError(f"{where}: group needs `unpivot` in its [[fact]].")
    if group not in ("value", "label") and not (str(group).isdigit() and 1 <= int(group) <= groups):
        raise LayoutError(
            f'{where}: group is {group!r}; unpivot has {groups}; the cell is "value", the second header row "label".'
        )


def _check_extracting(pattern: str, where: str) -> None:
    """Check a pattern as Polars reads it, whose regular expressions have no look-around."""
    try:
        pl.select(pl.lit("").str.extract(pattern, 1))
    except pl.exceptions.PolarsError as error:
        raise LayoutError(f"{where}: {pattern!r} is no regular expression: {_first_line(error)}.") from error
    if _groups(pattern, where) < 1:
        raise LayoutError(f"{where}: pattern is {pattern!r}; it needs a group around what is kept.")


def _check_format(form: str, where: str) -> None:
    """Check a date's format, as Polars and as Python read it."""
    try:
        if "%" not in form:
            raise ValueError
        datetime.strptime(datetime(2012, 11, 6).strftime(form), form)
        pl.select(pl.lit("x").str.to_datetime(form, strict=False))
    except (ValueError, re.error, KeyError, pl.exceptions.PolarsError) as error:
        raise LayoutError(f"{where}: format is {form!r}; a date's format is written like '%d/%m/%Y'.") from error


def _groups(pattern: str, where: str) -> int:
    """Return how many groups a regular expression has."""
    try:
        return re.compile(pattern).groups
    except (re.error, OverflowError, RecursionError) as error:
        raise LayoutError(f"{where}: {pattern!r} is no regular expression: {error}.") from error


def is_pattern(entry: str) -> bool:
    """Return whether an entry of `unused` is a regular expression, between slashes."""
    return len(entry) > 2 and entry.startswith("/") and entry.endswith("/")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "")
