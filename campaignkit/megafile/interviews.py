"""One row per interview: who was asked, by which stream, when, what they said, and what was known of them that day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import duckdb
import polars as pl

from campaignkit.errors import BadValue, listed, nearest
from campaignkit.megafile.connection import Connection
from campaignkit.megafile.ingest.sources import FILE_ID_SHIFT
from campaignkit.megafile.predicates import named_features, translate
from campaignkit.megafile.universes import day_of
from campaignkit.restrictions import remember
from campaignkit.sql import quote_identifier, quote_literal

_OWN = ("interview_id", "file", "stream", "asked_on", "person_id", "household_id", "weight", "answer")


class Interviews(Connection):
    """What a `Megafile` knows of interviews."""

    def interviews(
        self,
        question: str | Sequence[str],
        features: Iterable[str] | Mapping[str, str] = (),
        *,
        yes: str | Sequence[str] | None = None,
        no: str | Sequence[str] | None = None,
        outcome: str = "supports",
        also: Mapping[str, str | Sequence[str]] | None = None,
        as_of: date | str | None = None,
    ) -> pl.DataFrame:
        """Return one row per interview in which a question was answered, of all streams: what `ck.polls` takes.

        An interview is all that one person told one stream on one day. Someone interviewed again is there again.

        Parameters
        ----------
        question : str or sequence of str
            The question, as it was asked; several where streams word it differently.
        features : iterable of str, or mapping of str to str
            Columns of person, attributes and facts, as in `Universe.features`. Ages and facts such as ``gifts('90d')``
            are as of the day of the interview; person's own columns are the megafile's latest. Null where nobody on
            file could be linked to the interview.
        yes, no : str, sequence of str, or None
            Answers that mean yes, and no, in the column `outcome`; any other answer is null there. `no` None: every
            other answer is a no. `yes` None: there is no such column.
        outcome : str
            What the column is called.
        also : mapping of str to str or sequence of str, or None
            Other questions of the same interview, by the column that gets the answer: ``{"party_id": "…"}``.
        as_of : date, str or None
            The last day of interviewing. None: the megafile's own date.

        Returns
        -------
        DataFrame
            interview_id, file (the export that it is from), stream, asked_on, person_id, household_id (null: nobody
            on file), weight (the poll's own design weight; 1 where it came without), answer; the answers of `also`;
            `outcome`; the features. Interviews whose date could not be read are not among them.

        Raises
        ------
        ColumnNotFound
            If there is no such column or fact.
        BadValue
            If no poll has asked the question, nobody gave the answer, or two columns would have one name.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> vote = "If the election were held today, who would you vote for?"
        >>> asked = mf.interviews(vote, ["sex", "age_band"], yes="Our candidate", no="The opponent")
        >>> sorted(asked["stream"].unique())
        ['online', 'phone', 'text', 'van']
        >>> asked["supports"].mean() > 0.5
        True
        """
        also = also or {}
        wordings = _questions(self, question)
        others = {name: _questions(self, asked) for name, asked in also.items()}
        counted = _outcome(self, wordings, yes, no)
        named = named_features(features)
        _check_names([*named, *others, *([outcome] if counted else [])])
        known = {name: translate(self, text, "i.asked_on") for name, text in named.items()}
        columns = [f"{counted} AS {quote_identifier(outcome)}"] if counted else []
        columns += [
            f"CASE WHEN p.person_id IS NOT NULL THEN {feature.sql} END AS {quote_identifier(name)}"
            for name, feature in known.items()
        ]
        each = _each_interview(wordings, others, day_of(as_of, self.as_of))
        try:
            rows = self.sql(_with_features(each, list(others), columns))
        except duckdb.Error as error:
            raise BadValue(f"interviews({question!r}): {error}") from error
        return remember(rows, frozenset[str]().union(*(feature.restricted for feature in known.values())))


def _with_features(each: str, others: list[str], columns: list[str]) -> str:
    """Return the query of interviews and what was known of each person on the day."""
    more = "".join(f", {part}" for part in [*(f"i.{quote_identifier(name)}" for name in others), *columns])
    return f"""
        WITH interview AS ({each})
        SELECT i.record_id AS interview_id, f.file, i.stream, i.asked_on, i.person_id, p.household_id,
               coalesce(i.weight, 1.0) AS weight, i.answer{more}
        FROM interview i JOIN source_file f ON f.file_id = i.record_id >> {FILE_ID_SHIFT}
        LEFT JOIN person p ON p.person_id = i.person_id
        ORDER BY i.asked_on, i.stream, i.record_id"""


def _each_interview(wordings: list[str], others: Mapping[str, list[str]], day: date) -> str:
    """Return SQL with one row per interview: all answers that one person gave a stream on one day.

    Of two answers to a question the later record's counts. Somebody unknown is a person of each record.
    """
    asked = [*wordings, *(wording for group in others.values() for wording in group)]
    latest = "max_by({what}, r.record_id) FILTER (WHERE r.question IN ({asked}))"
    main = _texts(wordings)
    columns = [
        f"max(r.record_id) FILTER (WHERE r.question IN ({main})) AS record_id",
        "any_value(r.person_id) AS person_id",
        f"{latest.format(what='r.answer', asked=main)} AS answer",
        f"{latest.format(what='r.weight', asked=main)} AS weight",
        *(f"{latest.format(what='r.answer', asked=_texts(group))} AS {quote_identifier(name)}"
          for name, group in others.items()),
    ]  # fmt: skip
    return f"""
        SELECT r.stream, r.asked_on, {", ".join(columns)} FROM survey_response r
        WHERE r.question IN ({_texts(asked)}) AND r.answer IS NOT NULL AND r.asked_on <= {quote_literal(day)}
        GROUP BY r.stream, r.asked_on, coalesce(r.person_id, -r.record_id)
        HAVING max(r.record_id) FILTER (WHERE r.question IN ({main})) IS NOT NULL"""


def _questions(megafile: Connection, question: str | Sequence[str]) -> list[str]:
    """Return a question's wordings, once each has been asked by some poll."""
    asked = megafile.values("survey_response", "question")
    wordings = [question] if isinstance(question, str) else list(question)
    for wording in wordings:
        if wording not in asked:
            raise BadValue(
                f"No poll has asked {wording!r}{nearest(wording, asked)} Asked were: {listed(asked, most=12)}."
            )
    return wordings


def _outcome(
    megafile: Connection, wordings: list[str], yes: str | Sequence[str] | None, no: str | Sequence[str] | None
) -> str | None:
    """Return SQL that is true for the answers that mean yes and false for those that mean no; None: not wanted."""
    if yes is None:
        if no is not None:
            raise BadValue("no= says which answers mean no; say by yes= which mean yes.")
        return None
    given = megafile.sql(
        f"SELECT DISTINCT answer FROM survey_response WHERE question IN ({_texts(wordings)}) AND answer IS NOT NULL"
    )["answer"].sort()
    meaning_yes, meaning_no = _answers(yes), None if no is None else _answers(no)
    for answer in [*meaning_yes, *(meaning_no or [])]:
        if answer not in given:
            raise BadValue(
                f"Nobody answered {answer!r}{nearest(answer, given)} Answers were: {listed(given, most=12)}."
            )
    otherwise = "ELSE false" if meaning_no is None else f"WHEN i.answer IN ({_texts(meaning_no)}) THEN false"
    return f"CASE WHEN i.answer IN ({_texts(meaning_yes)}) THEN true {otherwise} END"


def _answers(answers: str | Sequence[str]) -> list[str]:
    return [answers] if isinstance(answers, str) else list(answers)


def _check_names(names: list[str]) -> None:
    twice = {name for name in names if names.count(name) > 1 or name in _OWN}
    if twice:
        raise BadValue(f"Two columns would be called {listed(sorted(twice))}; name them: {{'a name': 'a feature'}}.")


def _texts(values: Sequence[str]) -> str:
    return ", ".join(quote_literal(value) for value in values)
