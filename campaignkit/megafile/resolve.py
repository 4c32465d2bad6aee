"""Records of any sources in, who is who out: the linking of a megafile's build, on a table of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import narwhals as nw
import polars as pl

from campaignkit import charts, checks
from campaignkit.errors import BadValue, listed
from campaignkit.megafile import schema
from campaignkit.megafile.ingest import clean
from campaignkit.megafile.linkage.link_sources import BY_MODEL, RULES, THRESHOLD, LinkageSettings, link_prepared
from campaignkit.megafile.linkage.model import Model
from campaignkit.megafile.linkage.prepared_records import prepare_records
from campaignkit.progress import Steps
from campaignkit.result import Result
from campaignkit.sql import connect
from campaignkit.tables import check_columns, open_table
from campaignkit.wording import counted

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Resolution", "resolve"]

#: Columns that say something of a person; a table has whichever it has.
DESCRIBING = (
    "first_name", "middle_name", "last_name", "suffix", "birth_date", "birth_year", "sex", "address", "unit", "city",
    "state", "zip5", "phone", "email", "state_voter_id",
)  # fmt: skip


SLICE = 50_000


@dataclass(frozen=True, eq=False, repr=False)
class Resolution(Result):
    """Which records are one person.

    `table` has one row per record, in the order given: source, record_id, person_id, matched_by (the deterministic rule
    that linked it, or "model"; null: the record its person began with) and match_probability (of the model's links;
    null for deterministic rules). Person ids count from 1 and are the same for the same records, order and seed.

    Parameters
    ----------
    people : int
        How many people the records are.
    model : Model or None
        The fitted model, to be passed to a later `resolve`. None: only deterministic rules linked.
    not_deduplicated : tuple of str
        Sources within which nothing was linked, as `one_per_person` says of them.
    """

    people: int
    model: Model | None
    not_deduplicated: tuple[str, ...] = ()

    def summary(self) -> str:
        """Say how many people there are, how many links are exact and how many the model's, and what was not linked."""
        return f"{self._linked()}{self._not_looked_for()}"

    def _not_looked_for(self) -> str:
        if not self.not_deduplicated:
            return ""
        return (
            f" Within {listed(self.not_deduplicated)} nothing was linked, as if each had one record per person "
            "(one_per_person=False also looks for a list's own duplicates)."
        )

    def _linked(self) -> str:
        by_model = self.table.filter(pl.col("matched_by") == BY_MODEL)
        exact = self.table["matched_by"].drop_nulls().len() - by_model.height
        people = counted(self.people, "person", "people")
        were = "was" if exact == 1 else "were"
        text = f"{counted(self.table.height, 'record')} are {people}: {exact:,} {were} linked by deterministic rules"
        if self.model is None:
            return f"{text}, and no model was used."
        if by_model.is_empty():
            return f"{text} and none by the model."
        doubtful = (1 - by_model["match_probability"]).sum()
        return f"{text} and {by_model.height:,} by the model, of which it expects {doubtful:,.0f} to be wrong."

    def chart(self) -> alt.TopLevelMixin | None:
        """Return bars of how many records each rule and the model linked; None where nothing is linked."""
        counts = self.table.drop_nulls("matched_by").group_by("matched_by").len("records")
        if counts.is_empty():
            return None
        counts = counts.sort("records", "matched_by", descending=[True, False])
        return charts.bars(counts, "matched_by", "records", description=self.summary(), title="What linked the records")


def resolve(
    records: Any,
    *,
    one_per_person: Mapping[str, bool] | bool = True,
    rules: bool = True,
    model: Model | bool = True,
    threshold: float = THRESHOLD,
    seed: int = 0,
    progress: bool | None = None,
) -> Resolution:
    """Say which records are one person: deterministic rules first, then a model on what they leave.

    Sources link one after the other, each against the people known from those before it. A rule links a record and a
    person who agree exactly, where neither has another candidate. What the rules leave is scored by a Splink model
    that is fitted on the records themselves, with nicknames, slips in names and dates, and how common each name is; a
    candidate is linked where it is likely enough beside all others and beside nobody, so two who fit alike stay
    unlinked. Household members share a last name, an address and a phone: against them only what tells them apart
    counts. **Within a source nothing is linked by default**: each is taken to have one record per person. To find one
    list's own duplicates say ``one_per_person=False``; `summary` names the sources in which none were looked for.

    Parameters
    ----------
    records : table
        One row per record: source, record_id, and whichever it has of first_name, middle_name, last_name, suffix,
        birth_date, birth_year, sex, address, unit, city, state, zip5, phone, email and state_voter_id. Values are
        trimmed, and compared without case, accents and the many ways of writing an address.
    one_per_person : bool or mapping of str to bool
        Whether a source has at most one record of a person, for all sources or by source. True: its records are never
        linked with each other. False: they are, so that duplicates are found. A mapping also says the order in which
        sources link, and names them all; otherwise they link as they first appear. Put the most complete and trusted
        first, such as the voter file.
    rules : bool
        Whether to link by deterministic rules first.
    model : Model or bool
        True: fit a model on these records. False: only deterministic rules link. A `Resolution`'s model: use it.
    threshold : float
        The least probability of a link that the model makes.
    seed : int
        For the random pairs that the model learns coincidences from.
    progress : bool or None
        Whether to show the steps. None: yes, unless in CI or CAMPAIGNKIT_PROGRESS=0.

    Returns
    -------
    Resolution
        `table` has one row per record; `model` is what was fitted.

    Raises
    ------
    ColumnNotFound
        If there is no source or record_id.
    BadValue
        If a record has no source or no record_id, two of a source have the same one, or a mapping lacks a source.

    References
    ----------
    Fellegi and Sunter (1969), A theory for record linkage, JASA 64, 1183–1210, for the weights of agreements; Linacre
    et al. (2022), Splink: free software for probabilistic record linkage at scale, International Journal of
    Population Data Science 7(3). The scoring against household members is our own.

    Examples
    --------
    >>> records = pl.DataFrame({
    ...     "source": ["voters", "voters", "donors"], "record_id": [1, 2, 1],
    ...     "first_name": ["Robert", "Ann", "Bob"], "last_name": ["Smith", "Smith", "Smith"],
    ...     "address": ["12 North Main Street", "12 N Main St", "12 N. Main St."], "zip5": ["44101"] * 3,
    ... })
    >>> resolve(records, model=False).table["person_id"].to_list()
    [1, 2, 1]
    """
    checks.check_scalar(threshold, "threshold", typ=float, ge=0.5, lt=1)
    checks.check_scalar(seed, "seed", typ=int, ge=0)
    checks.check_scalar(rules, "rules", typ=bool)
    checks.check_scalar(model, "model", typ=(Model, bool))
    table = _opened(records)
    sources = _sources(table, one_per_person)
    steps = Steps("resolve", progress)
    given = table.select("source", "record_id")
    with connect() as con, steps.step(f"linking {table.height:,} records", con):
        con.register("source_record", _cleaned_records(table))
        prepare_records(con, sources)
        con.unregister("source_record")
        del table
        if isinstance(model, Model):  # its odds by source were met with other records
            model = replace(model, against_existing={}, within_source={})
        used = link_prepared(con, sources, LinkageSettings(RULES if rules else (), model, threshold, seed))
        resolved = con.sql("SELECT person_id, matched_by, match_probability FROM work_link ORDER BY record_id").pl()
    steps.close()
    alone = tuple(source for source, one_per_person in sources if one_per_person)
    return Resolution(pl.concat([given, resolved], how="horizontal"), resolved["person_id"].n_unique(), used, alone)


def _opened(records: Any) -> pl.DataFrame:
    frame = open_table(records)
    check_columns(frame, "source", "record_id", where="records")
    wanted = [name for name in frame.collect_schema().names() if name in {"source", "record_id", *DESCRIBING}]
    frame = frame.select(*wanted)
    eager = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    table = eager.to_polars().with_columns(pl.col("source").cast(pl.String))
    for name in ("source", "record_id"):
        if table[name].null_count():
            raise BadValue(f"{table[name].null_count():,} records have no {name}; each must have one.")
    twice = table.height - table.select("source", "record_id").n_unique()
    if twice:
        raise BadValue(f"{twice:,} records repeat a record_id of their source; number the records within each source.")
    return table


def _sources(table: pl.DataFrame, one_per_person: Mapping[str, bool] | bool) -> list[tuple[str, bool]]:
    there = table["source"].unique(maintain_order=True).to_list()
    if not isinstance(one_per_person, Mapping):
        checks.check_scalar(one_per_person, "one_per_person", typ=bool)
        return [(source, one_per_person) for source in there]
    missing = [source for source in there if source not in one_per_person]
    if missing:
        raise BadValue(f"one_per_person does not name every source; it lacks {listed(map(repr, missing))}.")
    return [(source, bool(once)) for source, once in one_per_person.items() if source in there]


def _cleaned_records(table: pl.DataFrame) -> pl.DataFrame:
    """Return the records with all that linking reads, cleaned as a build cleans them and numbered in their order."""
    types = schema.layout_columns("source_record")
    cleaners = clean.cleaners()
    columns = []
    for name in DESCRIBING:
        value = pl.col(name) if name in table.columns else pl.lit(None)
        if table.schema.get(name) == pl.String and types[name] == pl.Date():
            value = value.str.to_date(strict=False)
        elif isinstance(types[name], pl.String):
            value = _cleaned(value.cast(pl.String).str.strip_chars(), name, cleaners)
        columns.append(value.cast(types[name]).alias(name))
    # by slices: an address passes through many words on its way to its key
    parts = [_keyed(part.select("source", *columns)) for part in table.iter_slices(SLICE)]
    rows = pl.concat(parts) if parts else _keyed(table.select("source", *columns))
    return rows.with_row_index("record_id").with_columns(pl.col("record_id").cast(pl.Int64))


def _keyed(rows: pl.DataFrame) -> pl.DataFrame:
    written = ["address", "unit", "zip5"]
    key = clean.address_key(*map(pl.col, written))
    once = rows.select(written).unique().with_columns(address_key=key)  # household members' addresses are read once
    return rows.join(once, on=written, how="left", nulls_equal=True, maintain_order="left").drop("address", "unit")


def _cleaned(text: pl.Expr, name: str, cleaners: dict[str, Any]) -> pl.Expr:
    text = pl.when(text != "").then(text)
    if name not in cleaners:
        return text
    value = cleaners[name](text)
    # a postcode or state of another country is still the same or not
    return pl.coalesce(value, text.str.to_uppercase()) if name in ("zip5", "state") else value
