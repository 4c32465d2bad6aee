"""The same world as a campaign's real files, with real dirt, and ``truth/`` beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from campaignkit.progress import shown
from campaignkit.sample import crm_files, donor_files, effects, emails, links, places, viewing_files, voter_files, world
from campaignkit.sample.dirt import CLEAN, FLAGS, written
from campaignkit.sample.intended import intended
from campaignkit.sample.sinks import Folder, Format

FORMATS: dict[str, Format] = {
    **voter_files.FORMATS,
    **donor_files.FORMATS,
    **crm_files.FORMATS,
    **viewing_files.FORMATS,
}
VAN_PHONE, FILE_PHONE, CONSUMER_SHARE = 0.55, 0.35, 0.66
# a voter listed at the old address is listed in its county
_COUNTIES = places.places().drop_nulls("county").select("state", "county", "county_number").unique()
_TRUTH = [
    "person", "household", "first_name", "middle_name", "last_name", "suffix", "sex", "birth_date", "race", "party",
    "state", "region", "county", "city", "zip5", "supporter", "registered", "trap", "twin", "has_moved", "education",
    "income_band", "urbanicity", "homeowner", "interest", "p_support", "p_supports", "supports", "p_persuadable",
    "p_give_online", "p_give_mail", "p_volunteer", "p_turnout", "will_vote",
]  # fmt: skip


def write(folder: str | Path, people: int, seed: int = 2012) -> pl.DataFrame:
    """Write the sample campaign as files.

    Parameters
    ----------
    folder : str or Path
        Where; made if need be. Files of the same names are written over.
    people : int
        How many people, from thousands to ten million; memory does not grow with it.
    seed : int
        The same seed writes the same bytes, and the world that ``draw("world", people, seed)`` draws.

    Returns
    -------
    polars.DataFrame
        One row per file: file, rows, bytes.

    Examples
    --------
    >>> import tempfile
    >>> import campaignkit as ck
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = ck.sample.write(folder, people=2_000)
    >>> "OH_SWVF_20121001.zip" in written["file"].to_list(), written.columns
    (True, ['file', 'rows', 'bytes'])
    """
    folder = Path(folder)
    with shown("sample", f"writing the files of {people:,} people"), Folder(folder, FORMATS) as out:
        seen, turnout = [], []
        for number, tables, cells in world.each_batch(people, seed):
            more, counted = _Batch(seed, number, tables).write(out)
            seen += [cells, more]
            turnout.append(counted)
            if number == 0:
                _television(out, seed, tables)
                for sink in out.sinks.values():
                    sink.spoil()
        _once(out, seed, turnout)
        out.remember("effects", effects.total(seen))
        return out.close()


class _Batch:
    """One batch on its way into the files."""

    def __init__(self, seed: int, number: int, tables: dict[str, pl.DataFrame]) -> None:
        self.seed, self.number, self.tables = seed, number, tables
        everyone = tables["people"]
        self.people = pl.concat([everyone, voter_files.voter_keys(everyone)], how="horizontal")
        self.identity: list[pl.DataFrame] = []
        self.anchors: list[pl.DataFrame] = []

    def rng(self, part: str) -> np.random.Generator:
        return world.stream(self.seed, self.number, f"file {part}")

    def described(self, source: str, people: pl.DataFrame, known: dict[str, pl.Series] | None = None) -> pl.DataFrame:
        """Return people as a source writes them."""
        text = written(self.rng(f"{source} dirt"), people, crm_files.RATES[source], known)
        if source != "fec":
            self.anchors.append(links.anchors(source, text))
        return text

    def among(self, persons: pl.Series) -> pl.DataFrame:
        """Return the people who are in a list of persons."""
        return self.people.filter(pl.col("person").is_in(persons.unique().implode()))

    def know(self, source: str, key: pl.Series, person: pl.Series) -> None:
        """Remember which record is whose."""
        frame = pl.DataFrame({"record_key": key.cast(pl.String), "person": person})
        frame = frame.unique(maintain_order=True)
        self.identity.append(frame.select(pl.lit(source).alias("source"), "record_key", "person"))

    def write(self, out: Folder) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Write all files; return the cells of the dirt and the counties' turnout."""
        voters = self._voters(out)
        supporters = self._supporters(out)
        self._donors(out)
        self._lists(out)
        pairs = links.pairs(supporters, voters)
        out.remember("identity", pl.concat(self.identity))
        out.remember("links", pairs)
        rounded = pl.col("^p_.*$").round(3).cast(pl.Float32)
        out.remember("people", self.people.select(_TRUTH).with_columns(rounded))
        self._potential(out)
        dirty = [effects.cells(supporters, "dirt supporter", flag, []) for flag in FLAGS]
        values = ["shares_phone", "shares_birth_date", "shares_address", "same_place", "shares_any"]
        linked = [effects.cells(pairs, "links", name, ["source_b"]) for name in values]
        known = links.linkable([*self.anchors, *links.voter_anchors(voters)])
        return pl.concat([*dirty, *linked, known]), _turnout(voters, self.tables["ballots"])

    def _voters(self, out: Folder) -> pl.DataFrame:
        listed = self.people.filter("registered")
        known = {"moved": listed["file_old_address"]}
        text = written(self.rng("voters"), listed, CLEAN, known)
        facts = listed.select(
            "state_voter_id", "county_voter_id", "van_id", "registered_on", "inactive", "confidential",
            "last_primary", "precinct", "race", "party",
        )  # fmt: skip
        voters = pl.concat([text, facts], how="horizontal")
        voters = voters.join(_COUNTIES, on=["state", "county"], how="left", maintain_order="left")
        share = self.rng("phones").random((2, len(voters)))
        voters = voters.with_columns(
            van_phone=pl.Series(share[0] < VAN_PHONE), file_phone=pl.Series(share[1] < FILE_PHONE)
        )
        ohio, carolina = (voters.filter(pl.col("state") == state) for state in ("OH", "NC"))
        ballots, tables = self.tables["ballots"], self.tables
        out.sinks["oh_voter"].write(voter_files.ohio(ohio, ballots))
        out.sinks["nc_voter"].write(voter_files.carolina(self.rng("nc"), carolina))
        out.sinks["nc_history"].write(voter_files.carolina_history(self.rng("nc history"), carolina, ballots))
        out.sinks["van_voters"].write(voter_files.van_voters(self.rng("van file"), voters))
        out.sinks["van_contacts"].write(voter_files.van_contacts(tables["scripts"], tables["doors"], voters))
        out.sinks["van_answers"].write(voter_files.van_answers(tables["scripts"], tables["surveys"], voters))
        self.know("oh_voter", ohio["state_voter_id"], ohio["person"])
        self.know("nc_voter", carolina["state_voter_id"], carolina["person"])
        self.know("van", voters["van_id"], voters["person"])
        return voters

    def _supporters(self, out: Folder) -> pl.DataFrame:
        listed = self.people.filter("supporter")
        known = {"no_phone": ~listed["phone_on_file"], "no_email": ~listed["email_on_file"]}
        text = self.described("supporter", listed, known)
        rows = crm_files.supporters(self.rng("supporters"), text)
        out.sinks["supporters"].write(rows)
        self.know("supporter", rows["supporter_id"], text["person"])
        for name, frame in crm_files.by_supporter(self.tables).items():
            out.sinks[name].write(frame)
        for name, frame in crm_files.by_van(self.tables, self.people.select("person", "van_id", "state")).items():
            out.sinks[name].write(frame)
        return text

    def _donors(self, out: Folder) -> None:
        tables = self.tables
        online = self.described("actblue", self.among(tables["gifts"]["person"]))
        joined = tables["donors"].select("person", "enrolled_on").drop_nulls()
        out.sinks["actblue"].write(donor_files.actblue(self.rng("actblue"), tables["gifts"], online, joined))
        key = online.select(pl.concat_str("email", "first_name", "last_name", separator="|")).to_series()
        self.know("actblue", key, online["person"])
        posted = self.described("mail_donor", self.among(tables["mail_gifts"]["person"]))
        posted = posted.with_columns(donor_id=crm_files.keyed(posted["person"], "D", 1_618_033))
        out.sinks["mail"].write(donor_files.mail(tables["mail_gifts"], posted))
        self.know("mail_donor", posted["donor_id"], posted["person"])
        items = donor_files.itemised(self.rng("itemised"), tables["gifts"], tables["mail_gifts"], self.people)
        named = self.described("fec", self.among(items["person"]))
        rows = donor_files.fec(self.rng("fec"), items, named)
        out.sinks["fec"].write(rows.drop("person"))

    def _lists(self, out: Folder) -> None:
        tables = self.tables
        gone = self.described("unsubscriber", self.among(tables["winback"]["person"]))
        out.sinks["unsubscribers_2008"].write(crm_files.unsubscribers(tables["winback"], gone))
        self.know("unsubscriber", gone["email"], gone["person"])
        for stream in ("online", "text"):
            asked = tables["surveys"].filter(pl.col("stream") == stream)
            text = self.described(f"survey_{stream}", self.among(asked["person"]))
            rows = crm_files.respondents(asked, stream, text)
            out.sinks[f"survey_{stream}"].write(rows)
            self.know(f"survey_{stream}", rows["key"], asked["person"])
        out.sinks["media_use"].write(viewing_files.media_use(tables["media_use"]))
        friends = self.described("app_friend", self.among(tables["friends"]["person"]))
        out.sinks["app_friends"].write(crm_files.friends(tables["friends"], friends))
        self.know("app_friend", crm_files.keyed(friends["person"], "F", 5_772_157), friends["person"])
        bought = self.people.filter(pl.Series(self.rng("bought").random(len(self.people)) < CONSUMER_SHARE))
        text = self.described("consumer", bought)
        rows = crm_files.consumer(self.rng("consumer"), text, bought)
        out.sinks["consumer_append"].write(rows)
        self.know("consumer", rows["voterbase_id"], text["person"])

    def _potential(self, out: Folder) -> None:
        tables = self.tables
        out.remember("quick_donate", tables["donors"].select("person", "quick_donate", "p_enrol", "y0", "y1"))
        out.remember("scripts", tables["scripts"].select("person", "group", "arm", "^y_.*$"))
        out.remember("winback", tables["winback"].select("person", "arm", "r_control", "r_call"))


def _turnout(voters: pl.DataFrame, ballots: pl.DataFrame) -> pl.DataFrame:
    """Return ballots cast and people registered by county and election."""
    where = voters.select("person", "state", "county", "registered_on")
    voted = ballots.join(where, on="person", maintain_order="left")
    voted = voted.group_by("state", "county", "election_date").agg(voted=pl.len())
    days = ballots.select("election_date").unique()
    # each state votes on its own primary days
    listed = where.join(days, how="cross").filter(pl.col("registered_on") <= pl.col("election_date"))
    listed = listed.group_by("state", "county", "election_date").agg(registered=pl.len())
    return listed.join(voted, on=["state", "county", "election_date"], how="left")


def _television(out: Folder, seed: int, tables: dict[str, pl.DataFrame]) -> None:
    """Write the panel, rates and order of the first batch's voters."""
    people = tables["people"]
    keys = pl.concat([people, voter_files.voter_keys(people)], how="horizontal")
    watched, known = world.campaign_television(seed, tables)
    for name, rows in viewing_files.television(watched, keys).items():
        out.sinks[name].write(rows)
    for name, frame in known.items():
        out.remember(name, frame)


def _once(out: Folder, seed: int, turnout: list[pl.DataFrame]) -> None:
    """Write what is small and said once."""
    keys = ["state", "county", "election_date"]
    counted = pl.concat(turnout).group_by(keys).agg(pl.col("registered", "voted").sum()).sort(keys)
    out.sinks["county_turnout"].write(counted.filter(pl.col("voted").sum().over("state", "election_date") > 0))
    out.sinks["caller_roster"].write(world.roster(seed))
    guesses = emails.guesses(world.stream(seed, -1, "guesses"))
    out.sinks["email_guesses"].write(guesses.select("staff_id", "test", "email_id", "guess"))
    out.remember("intended", intended(crm_files.RATES))
    out.remember("variants", emails.variants().drop("variant"))
    rejects = [(form.name, line, reason) for form in FORMATS.values() for line, reason in form.broken]
    out.remember("rejects", pl.DataFrame(rejects, schema=["file", "raw", "reason"], orient="row"))
