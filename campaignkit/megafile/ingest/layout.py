"""How a real export looks: layouts read from TOML. The format: layouts/README.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from glob import glob
from importlib.resources import files
from pathlib import Path
from typing import Any

from campaignkit.errors import BadValue, LayoutError, nearest
from campaignkit.megafile import schema
from campaignkit.megafile.ingest.files import parse_toml, read_text
from campaignkit.megafile.ingest.layout_checks import ENCODINGS, KINDS, MODES, check_layout, is_pattern, named_facts
from campaignkit.megafile.own_columns import OwnColumn

__all__ = ["ENCODINGS", "KINDS", "MODES", "Column", "Fact", "Layout"]

NO_LAYOUTS = ("manifest.toml", "contact_results.toml", "campaign.toml")  # of a campaign's, and no layouts
MOST_HEADER = 1 << 16  # characters of a first line, and of names in it: a longer one is no header
MOST_NAME = 256
MOST_NAMES = 1_000  # of a header held against each layout, to say which is nearest


#: Columns of facts that say who may not be reached, by table.
_SUPPRESSING = {
    "suppression": ("channel", "reason", "email", "phone"),
    "contact": ("channel", "result"),
    "email_event": ("event",),
    "text_optin": ("answer",),
}


class FitsNothing(LayoutError):  # noqa: N818 - as the errors of the house
    """A file fits no layout: said together with all others that do not."""


@dataclass(frozen=True)
class Column:
    """How one canonical column is made from a row. Exactly one of column, template, value, group is set."""

    column: str | None = None
    template: str | None = None
    value: str | None = None
    group: int | str | None = None
    format: tuple[str, ...] = ()
    values: dict[str, str] = field(default_factory=dict)
    pattern: str | None = None

    @property
    def inputs(self) -> list[str]:
        """The file's columns it reads."""
        if self.template is not None:
            return re.findall(r"\{([^}]*)\}", self.template)
        return [self.column] if self.column is not None else []


@dataclass(frozen=True)
class Fact:
    """Rows for one table that each record of the file gives."""

    table: str
    columns: dict[str, Column]
    unpivot: re.Pattern[str] | None = None
    where: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class OwnRows:
    """How the rows of a column of one's own are made: an attribute's `value`, or a fact's date, value and amount."""

    definition: OwnColumn
    columns: dict[str, Column]
    where: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    """How one real export looks and what its columns mean; see layouts/README.md for each field."""

    name: str
    title: str
    source: str
    kind: str
    mode: str
    key: tuple[str, ...]
    scope: tuple[str, ...]
    restricted: str | None
    delimiter: str
    quote: str
    encoding: str
    header: bool
    header_rows: int
    last_header_row: str | None
    sheet: str | None
    required: tuple[str, ...]
    unused: tuple[str, ...]
    columns: tuple[str, ...]
    patterns: dict[str, str]
    as_of_file_name: str | None
    as_of_column: str | None
    as_of_format: str | None
    as_of_date: date | None
    person_source: str | None
    person_key: tuple[str, ...]
    one_per_person: bool
    person_columns: dict[str, Column]
    facts: tuple[Fact, ...]
    own: tuple[OwnRows, ...]
    optional: tuple[str, ...]

    @property
    def describes(self) -> bool:
        """Whether rows describe a person, rather than refer to one or to none."""
        return bool(self.person_columns)

    @cached_property
    def read_columns(self) -> list[str]:
        """The columns of the file that something reads, as the layout writes them."""
        makers = [
            *self.person_columns.values(),
            *(c for rows in (*self.facts, *self.own) for c in rows.columns.values()),
        ]
        read = [name for maker in makers for name in maker.inputs]
        read += [*self.key, *self.person_key, *(name for rows in (*self.facts, *self.own) for name in rows.where)]
        return list(dict.fromkeys([*read, *([self.as_of_column] if self.as_of_column else [])]))

    @cached_property
    def mapped(self) -> set[str]:
        """The folded names of every column of the file that something reads."""
        return {fold(name) for name in self.read_columns}

    @cached_property
    def suppressing(self) -> dict[str, str]:
        """The columns that say who may not be reached, by folded name; a file without one is not read."""
        makers = [maker for name, maker in self.person_columns.items() if name == "confidential"]
        makers += [
            fact.columns[c] for fact in self.facts for c in _SUPPRESSING.get(fact.table, ()) if c in fact.columns
        ]
        tested = [name for fact in self.facts if fact.table == "suppression" for name in fact.where]
        return {fold(name): name for name in [*tested, *(name for maker in makers for name in maker.inputs)]}

    @cached_property
    def _left_out(self) -> tuple[set[str], list[re.Pattern[str]]]:
        """The folded names, and the patterns, of columns that are left out on purpose, or unpivoted."""
        names = {fold(entry) for entry in self.unused if not is_pattern(entry)}
        patterns = [re.compile(entry[1:-1], re.IGNORECASE) for entry in self.unused if is_pattern(entry)]
        return names, patterns + [fact.unpivot for fact in self.facts if fact.unpivot]

    def may_lack(self, column: str) -> bool:
        """Whether a file may lack a column that the layout reads: one marked optional, by name or by a pattern."""
        for entry in self.optional:
            named = re.search(entry[1:-1], column, re.IGNORECASE) if is_pattern(entry) else fold(entry) == fold(column)
            if named:
                return True
        return False

    def knows(self, column: str) -> bool:
        """Whether a column of the file is mapped, unpivoted, or left out on purpose; none with an overlong name is."""
        folded, (names, patterns) = fold(column), self._left_out
        if folded in self.mapped or folded in names:
            return True
        return len(column) <= MOST_NAME and any(pattern.search(column) for pattern in patterns)


def fold(name: str) -> str:
    """Return a header name as it is compared: without case and outer spaces.

    Examples
    --------
    >>> fold("Pref Phone ")
    'pref phone'
    """
    return name.strip().casefold()


def unique_header(header: Sequence[str]) -> list[str]:
    """Return header names trimmed, repeated and empty ones numbered.

    Examples
    --------
    >>> unique_header(["Reserved", "Fee ", "Reserved", ""])
    ['Reserved', 'Fee', 'Reserved (2)', 'column 4']
    """
    seen: dict[str, int] = {}
    unique, taken = [], {fold(raw) for raw in header}
    for position, raw in enumerate(header, start=1):
        name = raw.strip() or f"column {position}"
        count = seen[fold(name)] = seen.get(fold(name), 0) + 1
        while count > 1 and fold(f"{name} ({count})") in taken:
            count += 1
        unique.append(name if seen[fold(name)] == 1 else f"{name} ({count})")
        taken.add(fold(unique[-1]))
    return unique


def read_layout(text: str, where: str) -> Layout:
    """Return the layout a TOML text declares.

    Parameters
    ----------
    text : str
        The TOML.
    where : str
        The file's name, for errors.

    Raises
    ------
    LayoutError
        If the TOML can't be read, or a key, table, column or choice in it is not known.
    """
    spec = parse_toml(text, where)
    check_layout(spec, where)
    file, as_of, person = (dict(spec.get(part, {})) for part in ("file", "as_of", "person"))
    key = tuple(spec.get("key", ()))
    return Layout(
        name=spec["name"],
        title=spec.get("title", spec["name"]),
        source=spec["source"],
        kind=spec["kind"],
        mode=spec["mode"],
        key=key,
        scope=tuple(spec.get("scope", ())),
        restricted=spec.get("restricted"),
        delimiter=file.get("delimiter", ","),
        quote=file.get("quote", '"'),
        encoding=file.get("encoding", "utf-8"),
        header=file.get("header", True),
        header_rows=file.get("header_rows", 1),
        last_header_row=file.get("last_header_row"),
        sheet=file.get("sheet"),
        required=tuple(file.get("required", ())),
        unused=tuple(file.get("unused", ())),
        columns=tuple(file.get("columns", ())),
        patterns=dict(file.get("patterns", {})),
        as_of_file_name=as_of.get("file_name"),
        as_of_column=as_of.get("column"),
        as_of_format=as_of.get("format"),
        as_of_date=as_of.get("date"),
        person_source=person.get("source", spec["source"]) if person else None,
        person_key=tuple(person.get("key", key)) if person else (),
        one_per_person=person.get("one_per_person", True),
        person_columns=_columns(person.get("columns", {}), "source_record", where),
        facts=tuple(_fact(fact, where) for fact in _listed_facts(spec)),
        own=tuple(_own(spec)),
        optional=tuple(file.get("optional", ())),
    )


def _fact(spec: dict[str, Any], where: str) -> Fact:
    table = spec.get("table", "")
    if table not in schema.FACTS:
        raise LayoutError(f"{where}: there is no table {table!r}{nearest(table, schema.FACTS)}")
    return Fact(
        table=table,
        columns=_columns(spec.get("columns", {}), table, where),
        unpivot=re.compile(spec["unpivot"], re.IGNORECASE) if "unpivot" in spec else None,
        where=_where(spec),
    )


def _listed_facts(spec: dict[str, Any]) -> list[dict[str, Any]]:
    facts = spec.get("fact", [])
    return [fact for fact in facts if "name" not in fact] if isinstance(facts, list) else []


def _own(spec: dict[str, Any]) -> Iterator[OwnRows]:
    """Yield the attributes and dated facts of one's own that a layout declares."""
    kept = {"restricted": spec.get("restricted"), "layout": spec["name"]}
    for name, attribute in spec.get("attribute", {}).items():
        kind, label = attribute.get("type", "text"), attribute.get("label", name.replace("_", " "))
        maker = {key: value for key, value in attribute.items() if key not in ("type", "label", "keep")}
        definition = OwnColumn(name, "attribute", kind, label, attribute.get("keep", "latest"), **kept)
        yield OwnRows(definition, {"value": _column(maker)})
    for name, fact in named_facts(spec).items():
        parts = {"date": "happened_on", "value": "value", "amount": "amount"}
        columns = {column: _column(fact[part]) for part, column in parts.items() if part in fact}
        kind = " ".join(part for part in ("value", "amount") if part in fact)
        definition = OwnColumn(name, "fact", kind, fact.get("label", name.replace("_", " ")), **kept)
        yield OwnRows(definition, columns, _where(fact))


def _where(fact: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(fold(value) for value in values) for name, values in fact.get("where", {}).items()}


def _columns(spec: dict[str, Any], table: str, where: str) -> dict[str, Column]:
    known = schema.layout_columns(table)
    for name in spec:
        if name not in known:
            raise LayoutError(f"{where}: {table} has no column {name!r}{nearest(name, known)}")
    return {name: _column(maker) for name, maker in spec.items()}


def _column(maker: str | dict[str, Any]) -> Column:
    if isinstance(maker, str):
        return Column(column=maker)
    formats = maker.get("format", ())
    return Column(
        column=maker.get("column"),
        template=maker.get("template"),
        value=None if "value" not in maker else str(maker["value"]).lower()
        if isinstance(maker["value"], bool) else str(maker["value"]),
        group=maker.get("group"),
        format=(formats,) if isinstance(formats, str) else tuple(formats),
        values={fold(key): value for key, value in maker.get("values", {}).items()},
        pattern=maker.get("pattern"),
    )  # fmt: skip


def own_layouts(paths: Iterable[str | Path]) -> dict[str, str]:
    """Return the text of layouts of one's own, by where they lie; paths may be files, folders and globs.

    Raises
    ------
    LayoutError
        If there is none at a path.
    """
    texts = {}
    for path in [paths] if isinstance(paths, str | Path) else paths:
        if not isinstance(path, str | Path):
            raise BadValue(f"layouts takes paths of TOML files; {path!r} is none.")
        for file in _layout_files(Path(path)):
            texts[str(file)] = read_text(file, str(file))
    return texts


def _layout_files(path: Path) -> list[Path]:
    """Return the TOML files that a path names: itself, those of a folder, or those that a glob matches."""
    if path.is_dir():
        found = sorted(file for file in path.glob("*.toml") if file.name not in NO_LAYOUTS)
    elif path.exists():
        found = [path]
    else:
        found = [Path(file) for file in sorted(glob(str(path)))]
    if not found:
        raise LayoutError(f"There is no layout at {str(path)!r}.")
    return found


def load_layouts(own: dict[str, str] | None = None) -> list[Layout]:
    """Return the built-in layouts and one's own (texts by where they lie), which replace built-in ones of their name.

    Raises
    ------
    LayoutError
        If a layout can't be read.

    Examples
    --------
    >>> "oh_voter" in [layout.name for layout in load_layouts()]
    True
    """
    built_in = files("campaignkit.megafile").joinpath("layouts")
    texts = {e.name: e.read_text(encoding="utf-8") for e in built_in.iterdir() if e.name.endswith(".toml")}
    layouts = [read_layout(text, where) for where, text in (texts | (own or {})).items()]
    by_name = {layout.name: layout for layout in layouts}
    return [by_name[name] for name in sorted(by_name)]
