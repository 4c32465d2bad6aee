"""Records of any sources in, who is who out: the linking of a megafile's build, on a table of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import narwhals as nw
import polars as pl

from campaignkit import charts, checks
from campaignkit.errors import BadValue, listed
from campaignkit.megafile.linkage.cleaned_records import DESCRIBING, check_keys, cleaned_records
from campaignkit.megafile.linkage.link_sources import BY_MODEL, RULES, THRESHOLD, LinkageSettings, link_prepared
from campaignkit.megafile.linkage.model import Model
from campaignkit.megafile.linkage.prepared_records import prepare_records
from campaignkit.progress import Steps
from campaignkit.result import Result
from campaignkit.spark import is_spark
from campaignkit.sql import connect
from campaignkit.tables import Frame, check_columns, open_table
from campaignkit.wording import counted

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Resolution", "SparkResolution", "resolve"]


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
            f" Within {listed(self.not_deduplicated)} nothing was linked: a list is taken to have one record per "
            "person (one_per_person=False looks for its duplicates too)."
        )

    def _linked(self) -> str:
        counts = self._counts()
        by_model = int(counts.filter(pl.col("matched_by") == BY_MODEL)["records"].sum())
        exact = int(counts.drop_nulls("matched_by")["records"].sum()) - by_model
        records, people = counted(int(counts["records"].sum()), "record"), counted(self.people, "person", "people")
        were = "was" if exact == 1 else "were"
        text = f"{records} are {people}: {exact:,} {were} linked by deterministic rules"
        if self.model is None:
            return f"{text}, and no model was used."
        if not by_model:
            return f"{text} and none by the model."
        doubtful = counts["expected_wrong"].sum()
        return f"{text} and {by_model:,} by the model, of which it expects {doubtful:,.0f} to be wrong."

    def _counts(self) -> pl.DataFrame:
        """Return matched_by, records and, of the model's links, expected_wrong."""
        wrong = (1 - pl.col("match_probability")).sum()
        return self.table.group_by("matched_by").agg(records=pl.len(), expected_wrong=wrong)

    def chart(self) -> alt.TopLevelMixin | None:
        """Return bars of how many records each rule and the model linked; None where nothing is linked."""
        counts = self._counts().drop_nulls("matched_by").group_by("matched_by").agg(pl.col("records").sum())
        if counts.is_empty():
            return None
        counts = counts.sort("records", "matched_by", descending=[True, False])
        return charts.bars(counts, "matched_by", "records", description=self.summary(), title="What linked the records")


@dataclass(frozen=True, eq=False, repr=False)
class SparkResolution(Resolution):
    """Which records of a Spark table are one person; the answer for each record stays on the cluster.

    `table` has one row per source and what linked its records: source, matched_by (null: the record its person began
    with), records, and expected_wrong, how many of the model's links it expects to be wrong.

    Parameters
    ----------
    records : Spark DataFrame
        One row per record, as a `Resolution`'s table: source, record_id, person_id, matched_by, match_probability. A
        person's id is the place of their first record when all are sorted by the source's turn and record_id, from 1:
        the same for the same records, however they lie.
    rows_fetched : int
        How many rows were read from Spark: the records that the model was fitted on, candidates it scored, and pairs
        within sources.
    """

    records: Any = None
    rows_fetched: int = 0

    def summary(self) -> str:
        """Say what a `Resolution` says, and how many rows were read from Spark."""
        return f"{super().summary()} {self.rows_fetched:,} rows were fetched from Spark."

    def _counts(self) -> pl.DataFrame:
        return self.table


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
        first, such as the voter file. Of a Spark table, whose rows have no order, with several sources: the mapping.
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
        `table` has one row per record; `model` is what was fitted. Of a Spark table a `SparkResolution`, whose
        `records` stay on Spark: rules run as Spark SQL, pairs are scored by Splink's Spark backend, and decisions are
        the same. Its workers need campaignkit. The model is fitted here, on all records up to a million, beyond that
        on a random million of them.

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
    frame = _opened_lazily(records)
    if is_spark(frame):
        settings = LinkageSettings(RULES if rules else (), model, threshold, seed)
        return _resolved_on_spark(frame.to_native(), one_per_person, settings, progress)
    table = _opened(frame)
    sources = _sources(table, one_per_person)
    steps = Steps("resolve", progress)
    given = table.select("source", "record_id")
    with connect() as con, steps.step(f"linking {table.height:,} records", con):
        con.register("source_record", cleaned_records(table))
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


def _opened_lazily(records: Any) -> Frame:
    frame = open_table(records)
    check_columns(frame, "source", "record_id", where="records")
    wanted = [name for name in frame.collect_schema().names() if name in {"source", "record_id", *DESCRIBING}]
    return frame.select(*wanted)


def _resolved_on_spark(
    records: Any, one_per_person: Mapping[str, bool] | bool, settings: LinkageSettings, progress: bool | None
) -> SparkResolution:
    from campaignkit.megafile.linkage import resolve_on_spark  # PySpark is an extra

    steps = Steps("resolve", progress)
    with steps.step("checking the records on Spark"):
        counts = resolve_on_spark.counted(records)
    sources = _spark_sources(counts, one_per_person)
    with steps.step(f"linking {counts['records'].sum():,} records on Spark"):
        mapping, linkage = resolve_on_spark.resolved(records, sources, settings)
        table, people = resolve_on_spark.summed_up(mapping)
    steps.close()
    alone = tuple(source for source, once in sources if once)
    used = linkage.settings.model
    return SparkResolution(
        table, people, used if isinstance(used, Model) else None, alone, mapping, linkage.rows_fetched
    )


def _spark_sources(counts: pl.DataFrame, one_per_person: Mapping[str, bool] | bool) -> list[tuple[str, bool]]:
    if counts.height > 1 and not isinstance(one_per_person, Mapping):
        raise BadValue(
            "A Spark table's rows have no order, so it does not say which source links first. Name them in linking "
            f"order: one_per_person={{{', '.join(f'{source!r}: True' for source in counts['source'])}}}."
        )
    return _sources(counts, one_per_person)


def _opened(frame: Frame) -> pl.DataFrame:
    eager = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    table = eager.to_polars().with_columns(pl.col("source").cast(pl.String))
    twice = table.height - table.select("source", "record_id").n_unique()
    check_keys({name: table[name].null_count() for name in ("source", "record_id")}, twice)
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
