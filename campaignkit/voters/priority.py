"""Who to contact first: support, persuasion, turnout and reach put together into expected net votes a contact."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.restrictions import stated
from campaignkit.result import Result
from campaignkit.tables import check_columns, check_numbers, is_universe, open_columns, open_table
from campaignkit.voters.model.predictor import write_to_megafile
from campaignkit.wording import counted

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Priority", "priority"]

DECILES = 10
Parts = dict[str, str | float]  # what stands for each part: a column, a fact or a number

BOUNDS = {"support": (0, 1), "turnout": (0, 1), "persuasion": (-1, 1), "mobilization": (-1, 1), "reach": (0, 1)}
FORMULA = "reach × [2 × turnout × persuasion + (2 × support − 1) × mobilization + 2 × persuasion × mobilization]"


@dataclass(frozen=True, eq=False, repr=False)
class Priority(Result):
    """A ranking of people by the net votes that contacting them is expected to gain.

    `table` has one row per decile of the people, the first being who comes first: ``decile``; ``n``; ``net_votes``
    (expected from contacting all of them: ours gained, and theirs lost, so that a voter who changes sides counts 2);
    ``per_contact`` (the same, per person), of which ``by_persuading`` and ``by_mobilizing``; ``lowest``; ``running``
    (net votes from the first decile to this one). Levels of an expectation, without an interval: scores go in as if
    they were true.

    Attributes
    ----------
    name : str
    formula : str
        As it was reckoned, with what stood in for each part.
    people, set_aside : int
        People ranked; people with a null in some part, who have no priority.
    below_zero : int
        People who are expected to cost votes if contacted.
    restricted : frozenset of str
        What it is made of that may not serve soliciting.
    warnings : tuple of str
        What the megafile says of the scores that it is made of, such as that one ranks no better than chance.
    """

    name: str
    formula: str
    people: int
    set_aside: int
    below_zero: int
    restricted: frozenset[str]
    warnings: tuple[str, ...] = ()
    _source: Any = None
    _parts: Parts = field(default_factory=dict)
    _unit: str = "person_id"

    def summary(self) -> str:
        """Say what the first decile gains, by the formula, and what it rests on."""
        first, all_ = self.table.row(0, named=True), self.table["net_votes"].sum()
        lacking = counted(
            self.set_aside, "person lacks one of the scores and has", "people lack one of the scores and have"
        )
        aside = f" {lacking} no priority." if self.set_aside else ""
        harm = f" It is below 0 for {self.below_zero:,} people: do not contact them." if self.below_zero else ""
        return (
            f"Contacting the top tenth ({first['n']:,} of {self.people:,} people) should gain "
            f"{first['net_votes']:,.1f} net votes; contacting everyone, {all_:,.1f}. Net votes per contact = "
            f"{self.formula}; a voter who switches sides counts as 2.{harm}{aside} This assumes that the scores "
            "are right and that contact works as it did where it was tested; it has no interval."
            + "".join(f" {warning}." for warning in self.warnings)
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw each decile's net votes per contact, by how they are gained."""
        ways = {"by_persuading": "persuading", "by_mobilizing": "mobilizing"}
        ways = {column: way for column, way in ways.items() if (self.table[column] != 0).any()} or ways
        rows = self.table.select(
            pl.col("decile").cast(pl.String), *(pl.col(old).alias(new) for old, new in ways.items())
        )
        long = rows.unpivot(index="decile", variable_name="way", value_name="net_votes_per_contact")
        order = [str(decile) for decile in self.table["decile"]]
        long = long.sort(pl.col("decile").replace_strict(order, range(len(order)), return_dtype=pl.Int64))
        title = f"Net votes per contact by decile of {self.name}"
        return charts.bars(
            long,
            "decile",
            "net_votes_per_contact",
            series="way",
            description=self.summary(),
            title=title,
            number=".3~f",
        )

    def predict(self, data: Any = None, column: str | None = None) -> Any:
        """Return a table with everybody's expected net votes per contact, where it lies: nothing is read until asked.

        Parameters
        ----------
        data : table or None
            With the same columns (or, a universe, facts). None: the one it was made from.
        column : str or None
            The new column. None: the name.

        Examples
        --------
        >>> import polars as pl
        >>> people = pl.DataFrame({"person_id": [1, 2], "support": [0.9, 0.1], "turnout": [0.5, None]})
        >>> ranked = priority(people, support="support", turnout="turnout", mobilization=0.04)
        >>> ranked.predict(column="net_votes").collect()["net_votes"].round(3).to_list()  # nothing known: no priority
        [0.032, None]
        """
        data = self._source if data is None else data
        frame, _, numbers = _numbers(data, self._parts)
        column = column or self.name
        if column in frame.collect_schema().names():
            raise BadValue(f"The table has a column {column!r} already; name another: predict(column=...).")
        persuading, mobilizing = _gained(numbers)
        return frame.with_columns((persuading + mobilizing).alias(column)).to_native()

    def write_scores(self, mf: Any, *, unit: str | None = None, restricted: Iterable[str] | None = None) -> int:
        """Write it into a megafile, where ``rank_by="score('priority')"`` makes call lists of it; return how many.

        Parameters
        ----------
        mf : Megafile
        unit : str or None
            The column of person_id. None: the one it was made with.
        restricted : iterable of str or None
            As for `Score.write_scores`.

        Examples
        --------
        >>> import shutil
        >>> import tempfile
        >>> import campaignkit as ck
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with ck.Megafile.open(shutil.copy(ck.sample.megafile().path, folder)) as mf:
        ...         voters = mf.universe("voter").features(["person_id", "age"])
        ...         ranked = ck.voters.priority(voters, support=0.6, turnout=0.5, mobilization=0.04)
        ...         ranked.write_scores(mf) == mf.universe("score('priority') > 0").count()
        True
        """
        column = unit or self._unit
        known = open_table(self.predict()).lazy()
        check_columns(known, column)
        rows = known.filter(~nw.col(self.name).is_null()).select(nw.col(column), nw.col(self.name))
        restrictions = stated(self.restricted, restricted)
        warning = f"is made of scores of which {'; '.join(self.warnings)}" if self.warnings else None
        return write_to_megafile(self.name, mf, rows.rename({self.name: "value"}), column, None, restrictions, warning)


def priority(
    data: Any,
    *,
    support: str | float,
    turnout: str | float,
    persuasion: str | float = 0.0,
    mobilization: str | float = 0.0,
    reach: str | float = 1.0,
    experiment_reach: float = 1.0,
    name: str = "priority",
    unit: str = "person_id",
) -> Priority:
    """Rank people by the net votes that contacting each is expected to gain.

    Parameters
    ----------
    data : table
        One row per person with their scores, or a universe, of which parts may also be facts: ``"score('support')"``.
    support : str or number
        The chance that they favour us rather than the other side, should they vote: a column or, for everyone, a
        number.
    turnout : str or number
        The chance that they vote, uncontacted.
    persuasion : str or number
        What contact adds to `support`, as `fit_persuasion` predicts it. 0: nothing.
    mobilization : str or number
        What contact adds to `turnout`. A column: as it is, as `fit_persuasion` with the vote for its outcome predicts
        it. A number: of somebody as likely to vote as not; others have 4 × turnout × (1 − turnout) times that, as if
        contact added the same to everybody's log odds. 0: nothing.
    reach : str or number
        The chance that an attempt reaches them. 1: count per person reached.
    experiment_reach : float
        Which share of its treated the experiment reached, where effects were measured on all assigned (as
        `fit_persuasion` does): they are divided by it, since `reach` multiplies them. 1: effects are of being reached.
    name : str
        What ``score('name')`` will call it.
    unit : str
        The column of person_id, for `write_scores`.

    Returns
    -------
    Priority

    Raises
    ------
    ColumnNotFound
        A column is missing.
    BadValue
        A part is no chance between 0 and 1 (an effect: −1 and 1) for somebody, or no number.
    NotEnoughData
        Nobody has all parts.

    Notes
    -----
    With turnout q and support s, a person is worth q (2s − 1) net votes. Contact makes them s + d and q + u, which is

        (q + u) (2 (s + d) − 1) − q (2s − 1) = 2 q d + u (2s − 1) + 2 u d

    more: winning over who would vote anyway (2 q d); bringing out who leans to us, which for those who lean to the
    other side is a loss (u (2s − 1)); and bringing out as one of ours who would have stayed at home (2 u d). The first
    is ``by_persuading``, the other two ``by_mobilizing``. Times the chance of reaching them it is per attempt. Support
    is taken as one of two sides: where the won-over were undecided and would have abstained, 2 q d is twice too much.

    References
    ----------
    Imai and Strauss (2011), Political Analysis 19, 1–19, for ranking by expected votes; Arceneaux and Nickerson (2009),
    American Journal of Political Science 53, 1–16, for who is mobilized by contact.

    Examples
    --------
    >>> import polars as pl
    >>> people = pl.DataFrame({
    ...     "person_id": [1, 2, 3], "support": [0.5, 0.9, 0.1], "turnout": [0.9, 0.5, 0.5], "effect": [0.05, 0.0, 0.0],
    ... })
    >>> ranked = priority(people, support="support", turnout="turnout", persuasion="effect", mobilization=0.04)
    >>> ranked.predict().collect()["priority"].round(4).to_list()  # won over; brought out; better left alone
    [0.0914, 0.032, -0.032]
    """
    check_scalar(name, "name", typ=str)
    check_scalar(experiment_reach, "experiment_reach", typ=float, gt=0, le=1)
    given = {
        "support": support, "turnout": turnout, "persuasion": persuasion, "mobilization": mobilization, "reach": reach,
    }  # fmt: skip
    for part, value in given.items():
        if not isinstance(value, str):
            low, high = BOUNDS[part]
            check_scalar(value, part, typ=float, ge=low, le=high)
    parts: Parts = given | {"experiment_reach": float(experiment_reach)}
    frame, restricted, numbers = _numbers(data, parts)
    columns = _collected(frame, parts, numbers)
    persuading, mobilizing = (columns[way].to_numpy() for way in ("persuading", "mobilizing"))
    known = np.isfinite(persuading + mobilizing)
    if not known.any():
        raise NotEnoughData("Nobody has all of the scores; see which of them is null.")
    table = _deciles(persuading[known], mobilizing[known])
    return Priority(
        table=table, name=name, formula=_formula(parts), people=int(known.sum()), set_aside=int((~known).sum()),
        below_zero=int((persuading + mobilizing < 0)[known].sum()), restricted=restricted,
        warnings=_warnings(data, parts), _source=data, _parts=parts,
        _unit=unit,
    )  # fmt: skip


def _numbers(data: Any, parts: Parts) -> tuple[nw.LazyFrame[Any], frozenset[str], dict[str, nw.Expr]]:
    """Return the table, what in it is restricted, and each part as an expression over it."""
    columns = list(dict.fromkeys(value for value in parts.values() if isinstance(value, str)))
    table = open_columns(data, columns)
    frame, restricted = table.lazy(), table.restricted
    check_numbers(frame, *columns, argument="priority")
    numbers = {part: _expression(value) for part, value in parts.items()}
    vote = numbers["turnout"]
    own = isinstance(parts["mobilization"], str)  # each person's effect, and no shape to give it
    return frame, restricted, numbers | {"shape": nw.lit(1.0) if own else 4 * vote * (1 - vote)}


def _warnings(data: Any, parts: Parts) -> tuple[str, ...]:
    """Return what a universe's megafile says of the scores among the parts; of a plain table nothing is known."""
    if not is_universe(data):
        return ()
    names = [value for value in parts.values() if isinstance(value, str)]
    return tuple(dict.fromkeys(warning for name in names for warning in data.translated(name).warnings))


def _expression(value: str | float) -> nw.Expr:
    return nw.col(value).cast(nw.Float64) if isinstance(value, str) else nw.lit(float(value))


def _gained(of: dict[str, nw.Expr]) -> tuple[nw.Expr, nw.Expr]:
    """Return the net votes per attempt gained by persuading and by mobilizing."""
    per = of["reach"] / of["experiment_reach"]
    won, brought = of["persuasion"], of["mobilization"] * of["shape"]
    both = 2 * won * brought / of["experiment_reach"]
    return per * 2 * of["turnout"] * won, per * ((2 * of["support"] - 1) * brought + both)


def _collected(frame: nw.LazyFrame[Any], parts: Parts, numbers: dict[str, nw.Expr]) -> pl.DataFrame:
    """Return both gains of everybody, once every part is seen to be what it must."""
    named = {part: value for part, value in parts.items() if isinstance(value, str)}
    if named:
        ends = [getattr(numbers[part], end)().alias(f"{part}_{end}") for part in named for end in ("min", "max")]
        row = frame.select(*ends).collect("polars").to_native().row(0, named=True)
        for part, column in named.items():
            low, high = BOUNDS[part]
            for end in (row[f"{part}_min"], row[f"{part}_max"]):
                if end is not None and not low <= end <= high:
                    raise BadValue(
                        f"{part}: column {column!r} holds {end:g}; numbers from {low} to {high} were expected."
                    )
    persuading, mobilizing = _gained(numbers)
    chosen = frame.select(persuading.alias("persuading"), mobilizing.alias("mobilizing")).collect("polars").to_native()
    return chosen.fill_null(np.nan)


def _deciles(persuading: np.ndarray, mobilizing: np.ndarray) -> pl.DataFrame:
    whole = persuading + mobilizing
    order = np.argsort(-whole, kind="stable")
    edges = np.unique(np.linspace(0, len(order), DECILES + 1).round().astype(int))
    rows = []
    for at, (first, last) in enumerate(pairwise(edges), 1):
        part = order[first:last]
        ways = float(persuading[part].mean()), float(mobilizing[part].mean())
        rows.append((at, len(part), float(whole[part].sum()), sum(ways), *ways, float(whole[part].min())))
    names = ["decile", "n", "net_votes", "per_contact", "by_persuading", "by_mobilizing", "lowest"]
    return pl.DataFrame(rows, schema=names, orient="row").with_columns(running=pl.col("net_votes").cum_sum())


def _formula(parts: Parts) -> str:
    """Return the formula with what stood in for each part."""
    given = {part: value if isinstance(value, str) else f"{value:.3g}" for part, value in parts.items()}
    stands = [f"{part} = {value}" for part, value in given.items() if part not in ("experiment_reach", str(value))]
    if parts["experiment_reach"] != 1:
        stands.append(f"effects divided by the {parts['experiment_reach']:.0%} reached")
    if not isinstance(parts["mobilization"], str) and parts["mobilization"]:
        stands.append("mobilization times 4 × turnout × (1 − turnout)")
    return f"{FORMULA}, with {', '.join(stands)}" if stands else FORMULA
