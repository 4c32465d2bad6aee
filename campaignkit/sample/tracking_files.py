"""The tracking polls as the files that survey tools export, with October's asks and early votes; and ``truth/``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl

from campaignkit.progress import shown
from campaignkit.sample import crm_files, early_votes, effects, outreach, tracking, voter_files, world
from campaignkit.sample.dirt import written
from campaignkit.sample.sinks import Folder, Format
from campaignkit.sample.tracking import PARTY_QUESTION, PAST_QUESTION, QUESTION

_QUALTRICS = {
    "StartDate": ("Start Date", "startDate"), "EndDate": ("End Date", "endDate"),
    "Status": ("Response Type", "status"), "IPAddress": ("IP Address", "ipAddress"),
    "Progress": ("Progress", "progress"), "Duration (in seconds)": ("Duration (in seconds)", "duration"),
    "Finished": ("Finished", "finished"), "RecordedDate": ("Recorded Date", "recordedDate"),
    "ResponseId": ("Response ID", "_recordId"), "RecipientLastName": ("Recipient Last Name", "recipientLastName"),
    "RecipientFirstName": ("Recipient First Name", "recipientFirstName"),
    "RecipientEmail": ("Recipient Email", "recipientEmail"),
    "ExternalReference": ("External Data Reference", "externalDataReference"),
    "LocationLatitude": ("Location Latitude", "locationLatitude"),
    "LocationLongitude": ("Location Longitude", "locationLongitude"),
    "DistributionChannel": ("Distribution Channel", "distributionChannel"),
    "UserLanguage": ("User Language", "userLanguage"),
    "Q1": (QUESTION, "QID1"), "Q2": (PARTY_QUESTION, "QID2"), "Q3": (PAST_QUESTION, "QID3"),
    "birth_year": ("birth_year", "birth_year"), "city": ("city", "city"), "state": ("state", "state"),
    "zip": ("zip", "zip"), "weight": ("weight", "weight"),
}  # fmt: skip
_MONKEY = {
    "Respondent ID": "", "Collector ID": "", "Start Date": "", "End Date": "", "IP Address": "", "Email Address": "",
    "First Name": "", "Last Name": "", "phone": "", "state": "", "zip": "",
    QUESTION: "Response", PARTY_QUESTION: "Response", PAST_QUESTION: "Response",
}  # fmt: skip


def _qualtrics(name: str) -> Format:
    imports = tuple(json.dumps({"ImportId": key}, separators=(",", ":")) for _, key in _QUALTRICS.values())
    return Format(name, list(_QUALTRICS), more_header=(tuple(label for label, _ in _QUALTRICS.values()), imports))


FORMATS = {
    "online": _qualtrics("qualtrics_tracking_20121031.csv.gz"),
    "panel": _qualtrics("qualtrics_panel_20121031.csv.gz"),
    "text": Format("surveymonkey_text_20121031.csv.gz", list(_MONKEY), more_header=(tuple(_MONKEY.values()),)),
    "phone": Format("survey_phone_20121031.csv.gz", crm_files.FORMATS["survey_phone"].header),
    "van": Format(
        "van_survey_response_20121031.zip", voter_files.FORMATS["van_answers"].header,
        voter_files.FORMATS["van_answers"].member, "\t", encoding="utf-16",
        quoting=voter_files.FORMATS["van_answers"].quoting, line_end=voter_files.FORMATS["van_answers"].line_end,
    ),
    **early_votes.FORMATS,
}  # fmt: skip


def write_tracking(folder: str | Path, people: int, seed: int = 2012) -> pl.DataFrame:
    """Write the sample campaign's tracking polls, October's asks of friends and the early vote, dated 2012-10-31.

    Four streams of interviews with the people that `write` wrote of, by four tools: Qualtrics (tracking, and a panel
    that is interviewed up to twice before and twice after the debate of 3 October), SurveyMonkey, the phone bank's own
    file and VAN's report, the last two with all that they held on 2012-10-01. Beside them the asks that the app had its
    users pass on to friends, half of them held out, and the ballots that came back by 30 October.

    Parameters
    ----------
    folder : str or Path
        Where; made if need be. Beside the exports that `write` made, not among them, which keep their date.
    people, seed : int
        As those of `write`.

    Returns
    -------
    polars.DataFrame
        One row per file: file, rows, bytes. ``truth/`` has ``identity``, ``groups`` (the share of each group that would
        say it supports us, day by day), ``panel`` (each member's choice before and after), ``houses``, ``effects`` and
        ``friend_asks`` (what was planted, ask by ask).

    Examples
    --------
    >>> import tempfile
    >>> import campaignkit as ck
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = ck.sample.write_tracking(folder, people=2_000)
    >>> "qualtrics_panel_20121031.csv.gz" in written["file"].to_list()
    True
    """
    folder = Path(folder)
    shared = tracking.once(world.stream(seed, -1, "tracking"))
    with shown("sample", f"writing the tracking polls of {people:,} people"), Folder(folder, FORMATS) as out:
        seen, groups = [], []
        for number, tables, _ in world.each_batch(people, seed):
            rng = world.stream(seed, number, "tracking")
            polled, truth = tracking.tracking(rng, shared, tables["people"], tables["ballots"])
            out.remember("identity", _write_batch(out, world.stream(seed, number, "file tracking"), tables, polled))
            out.remember("panel", truth["panel"].sort("person"))
            _write_asks(out, seed, number, tables)
            seen.append(truth["effects"])
            groups.append(truth["groups"])
        out.remember("groups", _together(groups))
        out.remember("houses", pl.DataFrame({"stream": outreach.STREAMS, "effect": shared.houses}))
        out.remember("effects", effects.total(seen))
        return out.close()


def _write_asks(out: Folder, seed: int, number: int, tables: dict[str, pl.DataFrame]) -> None:
    """Write a batch's asks of October and early votes."""
    drawn = early_votes.october(lambda part: world.stream(seed, number, part), tables)
    everyone = tables["people"]
    keys = pl.concat([everyone, voter_files.voter_keys(everyone)], how="horizontal").select("person", "van_id", "state")
    for name, rows in early_votes.rows(drawn, keys).items():
        out.sinks[name].write(rows)
    out.remember("friend_asks", drawn["truth"])


def _together(groups: list[pl.DataFrame]) -> pl.DataFrame:
    """Put the batches' groups together."""
    keys = ["variable", "level", "asked_on"]
    ours = (pl.col("supports") * pl.col("voters")).sum() / pl.col("voters").sum()
    return pl.concat(groups).group_by(keys, maintain_order=True).agg(pl.col("voters").sum(), supports=ours)


def _write_batch(
    out: Folder, rng: np.random.Generator, tables: dict[str, pl.DataFrame], polled: dict[str, pl.DataFrame]
) -> pl.DataFrame:
    """Write a batch's interviews; return which record key is whose."""
    everyone = tables["people"]
    people = pl.concat([everyone, voter_files.voter_keys(everyone)], how="horizontal")
    asked, panel = polled["interviews"], polled["panel"]
    online, text = (asked.filter(pl.col("stream") == name) for name in ("online", "text"))
    members = pl.concat([online["person"], panel["person"]]).unique()
    known = _written(rng, people, members, "survey_online")
    weighted = _weighted(online, people)
    out.sinks["online"].write(_as_qualtrics(rng, weighted, known, "T"))
    out.sinks["panel"].write(_as_qualtrics(rng, panel.with_columns(weight=pl.lit(None, pl.Float64)), known, "P"))
    texted = _written(rng, people, text["person"], "survey_text")
    out.sinks["text"].write(_as_surveymonkey(rng, text, texted))
    _write_van_and_phone(out, tables, people, asked)
    keys = pl.concat_str(_reference(known), pl.col("email").fill_null(""), separator="|")
    return pl.concat(
        [
            known.select(source=pl.lit("survey_qualtrics"), record_key=keys, person="person"),
            texted.select(
                source=pl.lit("survey_surveymonkey"), record_key=pl.concat_str(pl.lit("|"), "phone"), person="person"
            ),
        ]
    ).sort("source", "person")


def _written(rng: np.random.Generator, people: pl.DataFrame, persons: pl.Series, source: str) -> pl.DataFrame:
    """Return some people as a survey's contact list has them."""
    listed = people.filter(pl.col("person").is_in(persons.unique().implode()))
    return written(rng, listed, crm_files.RATES[source])


def _reference(known: pl.DataFrame) -> pl.Series:
    return crm_files.keyed(known["person"], "M", 2_236_067)


def _weighted(online: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Return interviews with the vendor's weight: to the voters' sexes and ages."""
    cell = pl.concat_str("sex", (pl.col("age") // 20).cast(pl.String)).alias("cell")
    voters = people.filter("registered").select("person", cell)
    shares = voters.group_by("cell").agg(share=pl.len() / len(voters))
    rows = online.join(voters, on="person", maintain_order="left").join(shares, on="cell", maintain_order="left")
    weight = (pl.col("share") * pl.len() / pl.len().over("cell")).round(3)
    return rows.with_columns(weight=weight).drop("cell", "share")


def _as_qualtrics(
    rng: np.random.Generator, interviews: pl.DataFrame, known: pl.DataFrame, survey: str
) -> pl.DataFrame:  # fmt: skip
    """Return interviews as Qualtrics exports them with choice texts; one in a hundred broke off, and is said to."""
    rows = interviews.join(
        known.with_columns(_reference(known).alias("reference")), on="person", maintain_order="left"
    )  # fmt: skip
    size = len(rows)
    start = _moments(rng, rows["asked_on"])
    seconds = pl.Series(rng.integers(70, 600, size))
    ended = (start + pl.select(pl.duration(seconds=pl.lit(seconds))).to_series()).dt.strftime("%Y-%m-%d %H:%M:%S")
    finished = pl.Series(rng.random(size) > 0.01)
    key = pl.Series([f"R_{survey}{number:012x}" for number in rng.integers(0, 1 << 47, size)])
    values = {
        "StartDate": start.dt.strftime("%Y-%m-%d %H:%M:%S"), "EndDate": ended, "Status": pl.lit("IP Address"),
        "Progress": pl.when(finished).then(pl.lit("100")).otherwise(pl.lit("66")), "Duration (in seconds)": seconds,
        "Finished": pl.when(finished).then(pl.lit("True")).otherwise(pl.lit("False")), "RecordedDate": ended,
        "ResponseId": key, "RecipientLastName": "last_name", "RecipientFirstName": "first_name",
        "RecipientEmail": "email", "ExternalReference": "reference", "DistributionChannel": pl.lit("email"),
        "UserLanguage": pl.lit("EN"), "Q1": "answer", "Q2": "party", "Q3": pl.when(finished).then("past_vote"),
        "birth_year": "birth_year", "city": "city", "state": "state", "zip": "zip5", "weight": "weight",
    }  # fmt: skip
    return _filled(rows, list(_QUALTRICS), values)


def _as_surveymonkey(rng: np.random.Generator, interviews: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Return interviews as SurveyMonkey exports them."""
    rows = interviews.join(known, on="person", maintain_order="left")
    start = _moments(rng, rows["asked_on"]).dt.strftime("%m/%d/%Y %I:%M:%S %p")
    values = {
        "Respondent ID": crm_files.keyed(rows["person"], "114", 7_389_056),
        "Collector ID": pl.lit("402887113"), "Start Date": start, "End Date": start, "First Name": "first_name",
        "Last Name": "last_name", "phone": "phone", "state": "state", "zip": "zip5", QUESTION: "answer",
        PARTY_QUESTION: "party", PAST_QUESTION: "past_vote",
    }  # fmt: skip
    return _filled(rows, list(_MONKEY), values)


def _filled(rows: pl.DataFrame, header: list[str], values: dict[str, object]) -> pl.DataFrame:
    """Return a column for each name of the header: a column, an expression, or nothing."""
    made = [values.get(name) for name in header]
    made = [pl.lit(None, pl.String) if value is None else value for value in made]
    return rows.select(
        (pl.col(value) if isinstance(value, str) else value).alias(f"c{at}")  # ty: ignore
        for at, value in enumerate(made)
    )


def _moments(rng: np.random.Generator, days: pl.Series) -> pl.Series:
    """Return a time of day between nine in the morning and nine at night."""
    seconds = pl.Series(rng.integers(9 * 3600, 21 * 3600, len(days)))
    return days.cast(pl.Datetime("ms")) + pl.select(pl.duration(seconds=pl.lit(seconds))).to_series()


def _write_van_and_phone(
    out: Folder, tables: dict[str, pl.DataFrame], people: pl.DataFrame, asked: pl.DataFrame
) -> None:  # fmt: skip
    """Write the reports that hold everything since June: what they held before, and the tracking's three questions."""
    keys = people.select("person", "van_id", "state", "first_name", "last_name")
    before = crm_files.by_van(tables, keys.select("person", "van_id", "state"))["survey_phone"]
    phone = _one_row_a_question(asked, "phone").join(keys, on="person", maintain_order="left")
    out.sinks["phone"].write(before)
    out.sinks["phone"].write(phone.select("van_id", "state", "asked_on", "question", "answer"))
    voters = people.filter("registered").select("person", "van_id", "first_name", "last_name")
    out.sinks["van"].write(voter_files.van_answers(tables["scripts"], tables["surveys"], voters))
    van = _one_row_a_question(asked, "van")
    out.sinks["van"].write(voter_files.van_answers(tables["scripts"].clear(), van, voters))


def _one_row_a_question(asked: pl.DataFrame, stream: str) -> pl.DataFrame:
    """Return a stream's interviews with one row per question."""
    mine = asked.filter(pl.col("stream") == stream)
    parts = [
        mine.select("person", "stream", "asked_on", question=pl.lit(question), answer=column)
        for question, column in ((QUESTION, "answer"), (PARTY_QUESTION, "party"), (PAST_QUESTION, "past_vote"))
    ]
    return pl.concat(parts).sort("asked_on", "person", maintain_order=True)
