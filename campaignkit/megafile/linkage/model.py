"""What Splink is asked when the deterministic rules are done: how two records compare, and a model fitted on them.

A pair's odds of being one person are held against two others: that they are strangers (Splink's u, with term
frequencies), and that they share a household. Last name, address and phone agree among household members as among
records of one person, so against that other only first name, birth date, sex, suffix, middle initial and e-mail count.
How those fall among household members is counted: two records of one list that has each person once are two people.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from campaignkit.errors import BadValue
from campaignkit.megafile.linkage.comparisons import (
    BLOCKS,
    COMPARISONS,
    FREQUENCIES,
    Comparison,
)
from campaignkit.megafile.linkage.splink_sql import remembered_conditions
from campaignkit.megafile.working_tables import create, drop

if TYPE_CHECKING:
    from splink import Linker

#: Pairs for training are drawn from those who agree on one of these. None of them is what a household shares: each
#: holds a first name, a birth date or an e-mail address, so that EM cannot take "same household" for "same person".
TRAINING_RULES = (
    ("email",), ("birth_text", "zip5"), ("phone", "first"), ("birth_text", "last"), ("address_key", "first"),
    ("birth_text", "first"), ("first", "last"),
)  # fmt: skip

PAIRS_TO_TRAIN = 50  # fewer teach less than the defaults know
MOST_PAIRS = 100_000  # per training_rule; more change no digit that matters
PAIRS_FOR_U = 100_000
TRUST = 0.98  # the rest is the default's, so that no level is impossible
HOUSEHOLD_MEMBERS_PER_RECORD = 1.5  # until counted
SEEN = 2.0  # pairs of one last name and birth date that are taken for seen beforehand
RECORDS_SAMPLED = 50_000  # records


@dataclass(frozen=True)
class Odds:
    """What a source's pairs are scored with beside what they agree on; kept, so that another night weighs alike.

    Attributes
    ----------
    people : int
        How many there are to choose from.
    rate : float or None
        The share of its records whose person stands among them; within a source, partners a record has on average.
        None: to be estimated when they are linked.
    loose : list of list of str
        Blocks that find many pairs elsewhere and few here.
    """

    people: int
    rate: float | None
    loose: list[list[str]]


@dataclass(frozen=True)
class Model:
    """A fitted model: pass it back to `resolve`, or read it from a megafile's table `model`.

    Attributes
    ----------
    settings : dict
        Splink's settings with every m and u, as `Linker` takes them.
    household_members : dict of str to list of float
        For each comparison that tells household members apart, the share of household members at each of its levels.
    household_members_per_record : float
        How many household members a record has in a list with each person once.
    frequencies : dict of str to DataFrame
        How common each name and city is.
    against_existing, within_source : dict of str to Odds
        By source: its records against the people who existed before it, and against each other.
    records : int
        How many records it was fitted on; 0: not known, and no name is taken for common.
    """

    settings: dict[str, Any]
    household_members: dict[str, list[float]]
    household_members_per_record: float
    frequencies: dict[str, pl.DataFrame]
    against_existing: dict[str, Odds] = field(default_factory=dict)
    within_source: dict[str, Odds] = field(default_factory=dict)
    records: int = 0

    def to_json(self) -> str:
        """Return all of it as text."""
        return json.dumps(
            {
                "settings": self.settings,
                "household_members": self.household_members,
                "household_members_per_record": self.household_members_per_record,
                "frequencies": {name: dict(table.iter_rows()) for name, table in self.frequencies.items()},
                "against_existing": {source: asdict(odds) for source, odds in self.against_existing.items()},
                "within_source": {source: asdict(odds) for source, odds in self.within_source.items()},
                "records": self.records,
            },
            sort_keys=True,
        )

    @classmethod
    def from_json(cls, text: str) -> Model:
        """Return the model that `to_json` wrote.

        Raises
        ------
        BadValue
            The text is no model.
        """
        try:
            parts = json.loads(text)
            tables = {
                name: frequency_table(name, list(rows.items())) for name, rows in parts.pop("frequencies").items()
            }
            against_existing, within_source = (
                {source: Odds(**odds) for source, odds in parts.pop(kind, {}).items()}
                for kind in ("against_existing", "within_source")
            )
            return cls(frequencies=tables, against_existing=against_existing, within_source=within_source, **parts)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadValue(f"The text is no fitted model, such as Model.to_json() returns: {error!r}") from error


def frequency_table(name: str, rows: list[tuple[str, float]]) -> pl.DataFrame:
    """Return a term-frequency table as Splink names its columns."""
    return pl.DataFrame(rows, schema={name: pl.String, f"tf_{name}": pl.Float64}, orient="row")


def fit(
    con: duckdb.DuckDBPyConnection, table: str, seed: int, training_rules: tuple[tuple[str, ...], ...] = TRAINING_RULES
) -> Model:
    """Fit a model on records, most of whose pairs are strangers.

    u is what random pairs show; m what EM finds among pairs that agree on one of `training_rules`, taken in turn until
    each comparison has been seen; both lean on defaults
    where there is little to learn from, so that ten records and ten million go the same way.

    Parameters
    ----------
    con : DuckDB connection
        Whose default database Splink may write its own tables to.
    table : str
        Records as `identity` prepares them.
    seed : int
        For the random pairs.
    training_rules : tuple of tuples of str
        Columns on which training pairs agree.
    """
    frequencies = {name: frequency(name, con.sql(values_held(table, name)).pl()) for name in FREQUENCIES}
    present = [c for c in COMPARISONS if _any_known(con, table, c.needs)]
    if not present:
        return Model(_settings([]), {}, HOUSEHOLD_MEMBERS_PER_RECORD, frequencies)
    with quiet(), open_linker(con, table, _settings(present), frequencies) as linker:
        rows = count(con, f"SELECT count(*) FROM {table}")
        if rows * (rows - 1) / 2 >= PAIRS_TO_TRAIN:
            linker.training.estimate_u_using_random_sampling(PAIRS_FOR_U, seed=seed, num_chunks=1)
        untrained = {comparison.name: comparison for comparison in present}
        for training_rule in training_rules:
            learning = {name for name, comparison in untrained.items() if not comparison.reads(training_rule)}
            if learning and _train(con, linker, table, training_rule):
                untrained = {name: left for name, left in untrained.items() if not _has_learned(linker, name)}
        trained = linker.misc.save_model_to_json()
        household_members, per_record = _count_household_members(con, linker, table, present)
        if not _any_known(con, table, ("address_key",)):
            per_record = _count_by_birth_date(con, table, per_record)
    _set_coincidences(con, table, trained, present)
    return Model(_steadied(trained, present, rows), household_members, per_record, frequencies, records=rows)


@contextmanager
def quiet() -> Generator[None]:
    """Keep Splink's advice to modellers from the analyst's screen."""
    logger = logging.getLogger("splink")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def open_linker(
    con: duckdb.DuckDBPyConnection, table: str, settings: dict[str, Any], frequencies: dict[str, pl.DataFrame]
) -> Generator[Linker]:
    """Open a Splink linker that keeps to itself: its tables go when it does, and its advice goes unsaid."""
    from splink import DuckDBAPI, Linker

    api = DuckDBAPI(con)
    with remembered_conditions(), frequency_tables(con, frequencies):
        linker = Linker(api.register(table), settings, log_level=None, validate_settings=False)
        for name in frequencies:
            linker.table_management.register_term_frequency_lookup(api.register(f"work_{name}_frequency"), name)
        try:
            yield linker
        finally:
            api.delete_tables_created_by_splink_from_db()


@contextmanager
def frequency_tables(con: duckdb.DuckDBPyConnection, frequencies: dict[str, pl.DataFrame]) -> Generator[None]:
    """Have how common each name and city is in working tables for a while."""
    for name, known in frequencies.items():
        con.register("known_frequency", known)
        create(con, f"work_{name}_frequency", "SELECT * FROM known_frequency")
        con.unregister("known_frequency")
    try:
        yield
    finally:
        drop(con, *(f"work_{name}_frequency" for name in frequencies))


def equal(columns: tuple[str, ...]) -> str:
    """Return SQL for pairs that agree on all of some columns."""
    return " AND ".join(f"l.{column} = r.{column}" for column in columns)


def _settings(present: list[Comparison]) -> dict[str, Any]:
    return {
        "link_type": "dedupe_only",
        "linker_uid": "campaignkit",  # Splink's own is drawn anew each time
        "unique_id_column_name": "row",
        "comparisons": [comparison.to_splink() for comparison in present],
        "blocking_rules_to_generate_predictions": [{"blocking_rule": equal(block)} for block in BLOCKS],
        "retain_matching_columns": True,  # or the levels are not told
        "retain_intermediate_calculation_columns": True,
        "probability_two_random_records_match": 0.0001,
    }


def values_held(table: str, name: str) -> str:
    """Return SQL for how often each source holds each value of a column: value, source, n."""
    return f"""
        SELECT {name} AS value, source, CAST(count(*) AS DOUBLE) AS n FROM {table} WHERE {name} IS NOT NULL
        GROUP BY {name}, source"""


def frequency(name: str, held: pl.DataFrame) -> pl.DataFrame:
    """Return how common each value of a column is, times `_shared_by_chance`, of what `values_held` finds."""
    held = held.sort("value", "source")
    common = held.group_by("value", maintain_order=True).agg(pl.col("n").sum() / held["n"].sum())
    return frequency_table(name, list(common.with_columns(n=pl.col("n") * _shared_by_chance(held)).iter_rows()))


def _shared_by_chance(held: pl.DataFrame) -> float:
    """Return how often strangers of two sources share a value, beside those of the list where most do; at most 1.

    What nicknames and slips take from the agreement of one person's records they take from that of strangers too: a
    list full of them shares fewer names by chance with a clean one. `held` has value, source, n.

    Examples
    --------
    >>> clean = pl.DataFrame({"value": ["ROBERT", "MARY"], "source": "a", "n": [500.0, 500.0]})
    >>> other = pl.DataFrame({"value": ["ROBERT", "MARY", "BOB", "MOLLY"], "source": "b", "n": [250.0] * 4})
    >>> round(_shared_by_chance(pl.concat([clean, other])), 2), _shared_by_chance(clean)
    (0.63, 1.0)
    """
    n, square = pl.col("n").sum(), (pl.col("n") ** 2).sum()
    lists = held.group_by("source").agg(n=n, shared=(square - n) / 2)
    whole, sizes = float(lists["n"].sum()), float((lists["n"] ** 2).sum())
    matched = whole - float(lists["n"].to_numpy().max(initial=0.0))  # pairs of one person's records, about
    if not matched:
        return 1.0
    by_value = held.group_by("value").agg(n=n, within=square)
    pooled = max(float((by_value["n"] * (by_value["n"] - 1)).sum()) / (whole * (whole - 1)), 1 / whole)
    across = (float((by_value["n"] ** 2 - by_value["within"]).sum()) / 2 + matched) / (
        (whole**2 - sizes) / 2 + matched / pooled
    )
    pairs = lists["n"] * (lists["n"] - 1) / 2
    most = float(((lists["shared"] + lists["n"]) / (pairs + lists["n"] / pooled)).to_numpy().max())
    return min(across / (pooled * most) ** 0.5, 1.0)


def _any_known(con: duckdb.DuckDBPyConnection, table: str, columns: tuple[str, ...]) -> bool:
    return bool(count(con, f"SELECT count(coalesce({', '.join(f'{c}::VARCHAR' for c in columns)})) FROM {table}"))


def count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    """Return the one number a query gives; 0 for null."""
    return con.sql(query).pl().item() or 0


def _train(con: duckdb.DuckDBPyConnection, linker: Linker, table: str, training_rule: tuple[str, ...]) -> bool:
    """Learn m from pairs that agree on `training_rule`; return whether there were enough."""
    known = " AND ".join(f"{column} IS NOT NULL" for column in training_rule)
    pairs = count(
        con,
        f"""SELECT coalesce(sum(n * (n - 1) / 2 - within), 0)::BIGINT FROM (
            SELECT sum(n) AS n, sum(CASE WHEN many THEN 0 ELSE n * (n - 1) / 2 END) AS within FROM (
                SELECT {", ".join(training_rule)}, source, many, count(*) AS n FROM {table} WHERE {known} GROUP BY ALL
            ) GROUP BY {", ".join(training_rule)})""",
    )
    if pairs < PAIRS_TO_TRAIN:
        return False
    keys = ", ".join(f"l.{column}" for column in training_rule)
    share = MOST_PAIRS / pairs  # whole blocks are left out, not records: half a block has a quarter of the pairs
    sampled = f" AND hash({keys}) % 1000000 < {int(1e6 * share)}" if share < 1 else ""
    linker.training.estimate_parameters_using_expectation_maximisation(
        f"{equal(training_rule)} AND (l.source <> r.source OR l.many){sampled}", estimate_without_term_frequencies=True
    )
    return True


def _set_coincidences(
    con: duckdb.DuckDBPyConnection, table: str, trained: dict[str, Any], present: list[Comparison]
) -> None:
    """Count how often strangers have the same value: all pairs within the lists that have each person once.

    Random pairs are too few to see two people with one phone number.
    """
    for comparison, fitted in zip(present, trained["comparisons"], strict=True):
        if comparison.same is not None:
            alike, pairs = (
                con.sql(f"""
                WITH held AS (
                    SELECT source, count(*) AS n FROM {table} WHERE NOT many AND {comparison.same} IS NOT NULL
                    GROUP BY source, {comparison.same}
                ), listed AS (SELECT sum(n * (n - 1) / 2) AS alike, sum(n) AS records FROM held GROUP BY source)
                SELECT sum(alike)::DOUBLE, sum(records * (records - 1) / 2)::DOUBLE FROM listed""")
                .pl()
                .row(0)
            )
            level = next(level for level in fitted["comparison_levels"] if not level.get("is_null_level"))
            if pairs and pairs > PAIRS_FOR_U:
                level["u_probability"] = (alike + 1) / pairs


def _has_learned(linker: Linker, name: str) -> bool:
    """Whether any pair of a session told something of a comparison; all of them may lack its columns."""
    levels = linker._settings_obj._get_comparison_by_output_column_name(name).comparison_levels
    return any(level._has_estimated_m_values for level in levels if not level.is_null_level)


def _count_household_members(
    con: duckdb.DuckDBPyConnection, linker: Linker, table: str, present: list[Comparison]
) -> tuple[dict[str, list[float]], float]:
    """Count how those compare who live together: pairs at one address in a list that has each person once."""
    records = count(con, f"SELECT count(*) FROM {table} WHERE NOT many AND address_key IS NOT NULL")
    every = max(records // RECORDS_SAMPLED, 1)
    create(
        con,
        "work_household_sample",
        f"""SELECT * FROM {table}
        WHERE NOT many AND address_key IS NOT NULL AND hash(address_key) % {every} = 0""",
    )
    sampled = linker._db_api.register("work_household_sample")
    rule = "l.address_key = r.address_key AND l.source = r.source"
    predictions = linker.inference.predict_within(
        sampled, blocking_rules_to_generate_predictions=[rule], warning_mode="never"
    ).physical_name
    pairs = count(con, f"SELECT count(*) FROM {predictions}")
    household_members = {}
    for comparison in present:
        if comparison.tells_household_members_apart:
            rows = con.sql(f"SELECT gamma_{comparison.name} AS gamma, count(*) AS n FROM {predictions} GROUP BY 1").pl()
            household_members[comparison.name] = comparison.among_household_members(dict(rows.iter_rows()))
    in_sample = count(con, "SELECT count(*) FROM work_household_sample")
    drop(con, "work_household_sample")
    return household_members, (2 * pairs + 50 * HOUSEHOLD_MEMBERS_PER_RECORD) / (in_sample + 50)


def _count_by_birth_date(con: duckdb.DuckDBPyConnection, table: str, expected: float) -> float:
    """Return how many household members a record has where no address tells: by those of one name and birth date.

    In a list with each person once, who shares a last name and birth date lives together, but for chance. `expected`
    members, a share of them born together, are held against how many there are.
    """
    together = next(c for c in COMPARISONS if c.name == "birth_date").levels[0].h or 0.0
    seen, chance, records = (
        con.sql(f"""
        WITH held AS (FROM {table} WHERE NOT many AND last IS NOT NULL AND birth_text IS NOT NULL),
        pairs AS (
            SELECT source, (SELECT sum(n * (n - 1) / 2) FROM (SELECT count(*) AS n FROM held h
                    WHERE h.source = s.source GROUP BY last, birth_text)) AS seen,
                   (SELECT sum(n * (n - 1) / 2) FROM (SELECT count(*) AS n FROM held h WHERE h.source = s.source
                    GROUP BY last)) AS names, (SELECT sum(n * (n - 1) / 2) FROM (SELECT count(*) AS n FROM held h
                    WHERE h.source = s.source GROUP BY birth_text)) AS dates, count(*) AS records
            FROM held s GROUP BY source)
        SELECT coalesce(sum(seen), 0), coalesce(sum(names * dates / greatest(records * (records - 1) / 2, 1)), 0),
               coalesce(sum(records), 0) FROM pairs""")
        .pl()
        .row(0)
    )
    wanted = float(records) / 2 * expected * together
    return expected * (max(float(seen) - float(chance), 0.0) + SEEN) / (wanted + SEEN)


def _steadied(trained: dict[str, Any], present: list[Comparison], rows: int) -> dict[str, Any]:
    """Fill what training did not see from the defaults, and round what threads may sum in another order."""
    trust = TRUST * (1 - 1 / (1 + rows * (rows - 1) / 2 / 10_000))  # u is worth the pairs it was seen on
    for comparison, fitted in zip(present, trained["comparisons"], strict=True):
        levels = [level for level in fitted["comparison_levels"] if not level.get("is_null_level")]
        for kind, share in (("m", TRUST), ("u", trust)):
            seen = [level.get(f"{kind}_probability") for level in levels]
            for level, default, value in zip(levels, comparison.levels, seen, strict=True):
                prior = getattr(default, kind)
                mixed = prior if not isinstance(value, float) else share * value + (1 - share) * prior
                level[f"{kind}_probability"] = float(f"{mixed:.6g}")
    for block in trained["blocking_rules_to_generate_predictions"]:
        block.pop("sql_dialect", None)
    return trained
