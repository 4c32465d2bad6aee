"""A block of a file's rows to rows of the megafile's tables, as its layout says. Polars frames in and out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from campaignkit.errors import LayoutError
from campaignkit.megafile import schema
from campaignkit.megafile.ingest import clean
from campaignkit.megafile.ingest.layout import MOST_NAME, Column, Fact, Layout, OwnRows, fold
from campaignkit.megafile.own_columns import TYPES

TRUE = ("t", "true", "y", "yes", "1", "x")
FALSE = ("f", "false", "n", "no", "0")


@dataclass
class Canonical:
    """What a block of rows became.

    Attributes
    ----------
    records : DataFrame
        One row per record: record_id, record_key, person_key, scope, content.
    people : DataFrame or None
        Rows for source_record; None where the layout does not describe people.
    facts : list of (str, DataFrame)
        A table's name and rows for it.
    keyless : DataFrame
        record_id of rows without a key, which are to be rejected.
    unread : Counter
        By canonical column, values that were there and could not be read.
    """

    records: pl.DataFrame
    people: pl.DataFrame | None
    facts: list[tuple[str, pl.DataFrame]]
    keyless: pl.DataFrame
    unread: Counter[str] = field(default_factory=Counter)


class Reader:
    """Turns a file's rows into table rows, by its layout and its own header.

    Parameters
    ----------
    layout : Layout
        How the file looks.
    header : list of str
        The file's own column names, unique.
    as_of : date or None
        The file's date, which births must fit; None: any do.
    labels : list of str
        What the second header row says of each column; empty: there is none.

    Raises
    ------
    LayoutError
        If the header repeats a column the layout reads.
    """

    def __init__(
        self, layout: Layout, header: list[str], as_of: date | None = None, labels: Sequence[str] = ()
    ) -> None:
        self.layout = layout
        self.labels = dict(zip(header, labels, strict=True)) if labels else {}
        self.header = header
        self.as_of = as_of
        self.names = [f"c{place}" for place in range(len(header))]  # a file's own may be "*" or "record_id"
        self.actual = {fold(name): own for name, own in zip(header, self.names, strict=True)}
        self.extra = [name for name in header if layout.header and not layout.knows(_unnumbered(name))]
        self.absent = sorted(layout.mapped - set(self.actual)) if layout.header else []
        repeated = [name for name in header if self._repeats(name) and fold(_unnumbered(name)) in layout.mapped]
        if repeated:
            raise LayoutError(
                f"The header has {_unnumbered(repeated[0])!r} twice, and {layout.name} reads it: rename or remove one."
            )

    def _repeats(self, name: str) -> bool:
        return name != _unnumbered(name) and fold(_unnumbered(name)) in self.actual

    def read(self, rows: pl.DataFrame) -> Canonical:
        """Return what the rows (all text, called as in `names`, with `record_id`) become."""
        rows = rows.with_columns(pl.col(self.names).str.strip_chars())
        rows = rows.with_columns(_empty_to_null(pl.col(self.names)))
        rows = rows.with_columns(self._keys())
        has_key = pl.col("__key").is_not_null()
        keyless = rows.filter(~has_key).select("record_id")
        rows = rows.filter(has_key)
        unread: Counter[str] = Counter()
        people = self._people(rows, unread) if self.layout.describes else None
        facts = [(fact.table, self._fact(fact, rows, unread)) for fact in self.layout.facts]
        facts += [self._own(own, rows, unread) for own in self.layout.own]
        records = self._records(rows, people)
        if people is not None:
            people = people.filter(pl.col("record_key").is_not_null())
        return Canonical(records, people, facts, keyless, unread)

    def _keys(self) -> list[pl.Expr]:
        content = pl.concat_str([pl.col(name).fill_null("") for name in self.names], separator="\x1f")
        key = self._joined(self.layout.key) if self.layout.key else content
        person = self._joined(self.layout.person_key) if self.layout.person_key else pl.lit(None, pl.String)
        return [content.alias("__content"), key.alias("__key"), person.alias("__person")]

    def _joined(self, columns: tuple[str, ...]) -> pl.Expr:
        """Join key columns; null only where all of them are."""
        parts = [self._raw(name) for name in columns]
        joined = pl.concat_str([part.fill_null("") for part in parts], separator="|")
        return pl.when(pl.any_horizontal([part.is_not_null() for part in parts])).then(joined)

    def _raw(self, name: str | None) -> pl.Expr:
        """Return a column of the file; null where this file has no such column."""
        actual = self.actual.get(fold(name or ""))
        return pl.col(actual) if actual is not None else pl.lit(None, pl.String)

    def _records(self, rows: pl.DataFrame, people: pl.DataFrame | None) -> pl.DataFrame:
        scope = pl.Series("scope", [""]).new_from_index(0, rows.height)
        if people is not None and self.layout.scope:
            parts = [pl.col(name).cast(pl.String).fill_null("") for name in self.layout.scope]
            scope = people.select(pl.concat_str(parts, separator="|").alias("scope"))["scope"]
        names = {"__key": "record_key", "__person": "person_key", "__content": "content"}
        return rows.select("record_id", *names).rename(names).with_columns(scope)

    def _people(self, rows: pl.DataFrame, unread: Counter[str]) -> pl.DataFrame:
        made = self._make("source_record", self.layout.person_columns, rows, unread)
        made = self._plausible(made, rows, unread)
        if "birth_date" in self.layout.person_columns:
            year = pl.col("birth_date").dt.year().cast(pl.Int16)
            known = pl.col("birth_year") if "birth_year" in made.columns else pl.lit(None, pl.Int16)
            made = made.with_columns(pl.coalesce(known, year).alias("birth_year"))
        parts = [pl.col(c) if c in made.columns else pl.lit(None, pl.String) for c in ("address", "unit", "zip5")]
        made = made.with_columns(clean.address_key(*parts).alias("address_key"))
        return made.with_columns(rows["__person"].alias("record_key"), self._extra(rows))

    def _plausible(self, made: pl.DataFrame, rows: pl.DataFrame, unread: Counter[str]) -> pl.DataFrame:
        """Take away births that no living adult or teen has, and zips whose lost zero their state can't have."""
        checks = {
            "birth_date": clean.plausible_birth(pl.col("birth_date").dt.year(), self.as_of),
            "birth_year": clean.plausible_birth(pl.col("birth_year"), self.as_of),
            "zip5": clean.plausible_zip(pl.col("zip5"), pl.col("state") if "state" in made.columns else None),
        }
        if "zip5" in self.layout.person_columns:  # only a zero that was put back can be wrong
            written = rows.select(self._text(self.layout.person_columns["zip5"], {}).str.starts_with("0")).to_series()
            checks["zip5"] |= written.fill_null(False)
        kept = {
            name: pl.when(holds).then(pl.col(name)) for name, holds in checks.items() if name in made.columns
        }  # fmt: skip
        if not kept:
            return made
        checked = made.with_columns(**kept)
        for name in kept:
            unread[name] += checked[name].null_count() - made[name].null_count()
        return checked

    def _extra(self, rows: pl.DataFrame) -> pl.Series:
        if not self.extra:
            return pl.Series("extra", [None], pl.String).new_from_index(0, rows.height)
        named = [pl.col(self.actual[fold(name)]).alias(name) for name in self.extra]
        return rows.select(pl.struct(named).struct.json_encode().alias("extra"))["extra"]

    def _fact(self, fact: Fact, rows: pl.DataFrame, unread: Counter[str]) -> pl.DataFrame:
        rows = self._where(fact.where, rows)
        if fact.unpivot is None:
            return self._make(fact.table, fact.columns, rows, unread)
        parts = []
        for name, own in zip(self.header, self.names, strict=True):
            matched = fact.unpivot.search(name) if len(name) <= MOST_NAME else None
            if matched and (cells := rows.filter(pl.col(own).is_not_null())).height:
                groups = {str(i): value for i, value in enumerate(matched.groups(), start=1)}
                groups["label"] = self.labels.get(name, "").strip() or name
                cells = cells.with_columns(pl.col(own).alias("__value"))
                parts.append(self._make(fact.table, fact.columns, cells, unread, groups))
        nobody = rows.clear().with_columns(pl.lit(None, pl.String).alias("__value"))
        return pl.concat(parts) if parts else self._make(fact.table, fact.columns, nobody, unread)

    def _own(self, own: OwnRows, rows: pl.DataFrame, unread: Counter[str]) -> tuple[str, pl.DataFrame]:
        """Return the table and the rows of an attribute or dated fact of one's own; without a value or date none."""
        name, kind = own.definition.name, own.definition.kind
        rows = self._where(own.where, rows)
        if kind == "attribute":
            types, table, needed = {"value": TYPES[own.definition.type][0]}, "attribute", "value"
        else:
            types, table, needed = schema.layout_columns("dated_fact"), "dated_fact", "happened_on"
        made = self._typed(own.columns, types, rows, unread, before=f"{name}.")
        made = made.filter(pl.col(needed).is_not_null()).with_columns(pl.lit(name).alias("name"))
        return table, made.with_columns(pl.col("value").cast(pl.String)) if "value" in made.columns else made

    def _where(self, where: dict[str, tuple[str, ...]], rows: pl.DataFrame) -> pl.DataFrame:
        wanted = [self._raw(name).str.to_lowercase().is_in(list(values)) for name, values in where.items()]
        return rows.filter(*wanted) if wanted else rows

    def _make(
        self,
        table: str,
        columns: dict[str, Column],
        rows: pl.DataFrame,
        unread: Counter[str],
        groups: dict[str, str] | None = None,
    ) -> pl.DataFrame:
        return self._typed(columns, schema.layout_columns(table), rows, unread, groups)

    def _typed(
        self,
        columns: dict[str, Column],
        types: Mapping[str, pl.DataType],
        rows: pl.DataFrame,
        unread: Counter[str],
        groups: dict[str, str] | None = None,
        before: str = "",
    ) -> pl.DataFrame:
        """Return columns of the types; what can't be read is null, and counted by the name behind `before`."""
        texts = {name: self._text(maker, groups or {}) for name, maker in columns.items()}
        reads = {name: typed(texts[name], maker, name, types[name]) for name, maker in columns.items()}
        written = {name: f"__written {name}" for name, maker in columns.items() if maker.value is None}
        made = rows.select(
            "record_id",
            *(expr.alias(name) for name, expr in reads.items()),
            *(texts[name].is_not_null().alias(there) for name, there in written.items()),
        )
        failures = made.select(**{n: (pl.col(there) & pl.col(n).is_null()).sum() for n, there in written.items()})
        for name, count in (failures.row(0, named=True) if failures.width else {}).items():
            unread[before.removesuffix(".") if before and name == "value" else f"{before}{name}"] += count
        return made.drop(written.values())

    def _text(self, maker: Column, groups: dict[str, str]) -> pl.Expr:
        if maker.value is not None:
            return pl.lit(maker.value, pl.String)
        if maker.group == "value":
            text = pl.col("__value")
        elif maker.group is not None:
            text = pl.lit(groups.get(str(maker.group)), pl.String)
        else:
            text = self._template(maker.template) if maker.template is not None else self._raw(maker.column)
        if maker.pattern:
            text = text.str.extract(maker.pattern)
        unknown = [code for code, value in maker.values.items() if value == ""]
        return pl.when(~text.str.to_lowercase().is_in(unknown)).then(text) if unknown else text

    def _template(self, template: str) -> pl.Expr:
        parts = [
            self._raw(part[1:-1]) if part.startswith("{") else pl.lit(part)
            for part in re.findall(r"\{[^}]*\}|[^{}\s]+", template)
        ]
        return _empty_to_null(pl.concat_str(parts, separator=" ", ignore_nulls=True))


def _unnumbered(name: str) -> str:
    return re.sub(r" \(\d+\)$", "", name)


def _empty_to_null(text: pl.Expr) -> pl.Expr:
    return pl.when(text != "").then(text)


def typed(text: pl.Expr, maker: Column, name: str, data_type: pl.DataType) -> pl.Expr:
    """Return text as a table's type: recoded, parsed, cleaned by the column's name; null where it can't be read."""
    if maker.values:
        text = _recoded(text, maker.values)
    if data_type == pl.Date:
        return clean.plausible_date(pl.coalesce(*(_date(text, form) for form in maker.format or ("%Y-%m-%d",))))
    if data_type == pl.Boolean:
        words = dict.fromkeys(TRUE, True) | dict.fromkeys(FALSE, False)
        return text.str.to_lowercase().replace_strict(words, default=None, return_dtype=pl.Boolean)
    if data_type == pl.String:
        cleaner: Callable[[pl.Expr], pl.Expr] = clean.cleaners().get(name, lambda as_is: as_is)
        return cleaner(text)
    return clean.number(text, data_type)


def _date(text: pl.Expr, form: str) -> pl.Expr:
    if re.search("%[HIMSf]", form):
        return text.str.to_datetime(form, strict=False).dt.date()
    return text.str.to_date(form, strict=False)


def _recoded(text: pl.Expr, values: dict[str, str]) -> pl.Expr:
    plain = {key: value for key, value in values.items() if key != "*"}
    rest = values.get("*")
    default = text if rest == "=" else pl.lit(rest, pl.String)
    return (
        pl.when(text.is_not_null())
        .then(text.str.to_lowercase().replace_strict(plain, default=default, return_dtype=pl.String))
    )  # fmt: skip
