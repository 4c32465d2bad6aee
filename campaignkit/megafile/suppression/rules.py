"""Who not to reach on a channel, and which addresses and numbers are closed for whoever has them.

A refusal follows the person and the contact point. It closes the channel for the person whose record it names, and the
addresses and numbers of that channel which the record names or the person's records ever held, **for everyone who
has one of them**:

==================  =======================  =============  ===================================================
said                closes                   for the person  address or number, for whoever has it
==================  =======================  =============  ===================================================
wrong number        phone, text              yes            the number (it is nobody's, or a stranger's)
do not call         phone, text              yes            the number (whoever answers it said no)
refused             the channel it was said  yes            by phone or text: the number, on that channel, a
                    on; where that is not                   housemate's as well; by e-mail: the address; at the
                    known, all                              door or by mail: nobody else's
unsubscribed,       email                    yes            the address
complained, bounced
deceased            all                      yes            number and address
confidential        all                      yes            number and address; for good, also when a later file
                                                            lacks the flag or the voter
moved               door, mail               yes            nothing: housemates may have stayed
unknown result      the contact's channel;   yes            as refused, until contact_results.toml maps the word
                    not known: all
==================  =======================  =============  ===================================================

Nothing ends a refusal but a later word of the same person about the same address or number (joining the e-mail list
again, an e-mail event `resubscribe`, a yes to texts) dated after it, or a list that says itself until when it held.
What ended before a date is still known as of then: `since` and `until` say when.
"""

from __future__ import annotations

import duckdb
import polars as pl

from campaignkit.megafile.linkage.prepared_records import plain_name
from campaignkit.megafile.suppression.contact_results import UNKNOWN, Words, kept_words, line_for
from campaignkit.megafile.working_tables import create, drop

#: What of a person each channel needs.
MEANS = {"phone": "phone", "text": "phone", "door": "address", "mail": "address", "email": "email"}

#: SQL for someone's last answer to whether they may be texted: of two on one day, the one that is not a yes.
LAST_TEXT_ANSWER = "max_by(text_optin.answer, row(text_optin.answered_on, text_optin.answer <> 'yes'))"

#: Reasons in the order in which a list counts them; a person who has several counts under the first.
REASONS = (
    "deceased", "confidential", "moved", "wrong number", "do not call", "refused", "unsubscribed", "bounced", UNKNOWN,
)  # fmt: skip

#: The program that joins the e-mail list again, and the reasons that such a word of the person's own can end.
EMAIL_LIST = "email_list"
REVERSIBLE = ("unsubscribed", "refused", UNKNOWN)

#: Who a refusal is about if the record that it names is gone: any record that agrees on all of these.
FITS = (
    ("state_voter_id", "state"), ("van_id", "van_state"), ("email", "last"), ("phone", "first", "last"),
    ("birth_date", "first", "last"), ("address_key", "first", "last"), ("zip5", "first", "last"),
)  # fmt: skip

_NAMES = {"first": plain_name("first_name"), "last": plain_name("last_name")}


def plain_key(column: str) -> str:
    r"""Return SQL for a source's key without what spreadsheets do to it: leading zeros, a trailing `.0`.

    Examples
    --------
    >>> import duckdb
    >>> duckdb.sql(f"SELECT {plain_key('k')} FROM (VALUES ('01'), ('1.0'), ('OH|007')) t(k)").fetchall()
    [('1',), ('1',), ('OH|7',)]
    """
    trimmed = f"regexp_replace({column}, '(^|\\|)\\s*0+([0-9])', '\\1\\2', 'g')"
    return f"regexp_replace({trimmed}, '([0-9])\\.0+(\\||$)', '\\1\\2', 'g')"


def in_order(column: str) -> str:
    """Return SQL for the place of a reason in `REASONS`; any other comes last."""
    return f"CASE {column} " + " ".join(f"WHEN '{r}' THEN {i}" for i, r in enumerate(REASONS)) + " ELSE 99 END"


def is_closed(channel: str, as_of: str | None = None, person: str = "p") -> str:
    """Return SQL that says whether a person may not be reached on a channel.

    Parameters
    ----------
    channel : str
        phone, door, text, mail, email or all.
    as_of : str or None
        SQL for the date whose knowledge counts. None: whatever is known and has not ended, also what is dated later.
    person : str
        The alias of `person`.
    """
    by_person = f"""EXISTS (SELECT 1 FROM suppression WHERE suppression.person_id = {person}.person_id
        AND suppression.channel IN ('{channel}', 'all') AND {_stands("suppression", as_of)})"""
    means = MEANS.get(channel)
    if means not in ("phone", "email"):
        return by_person
    return f"""({by_person} OR EXISTS (SELECT 1 FROM closed_contact_point AS closed
        WHERE closed.point = {person}.{means} AND closed.channel = '{channel}' AND {_stands("closed", as_of)}))"""


def _stands(table: str, as_of: str | None) -> str:
    if as_of is None:
        return f"{table}.until IS NULL"
    return f"({table}.since IS NULL OR {table}.since <= {as_of}) AND ({table}.until IS NULL OR {table}.until > {as_of})"


def make_suppressions(con: duckdb.DuckDBPyConnection) -> None:
    """Make suppression and closed_contact_point anew from all refusals and the people who stand.

    Parameters
    ----------
    con : DuckDB connection
        To a megafile under construction, its people and facts written.
    """
    words = kept_words(con)
    _say_what_is_closed(con, words)
    _gather_reversals(con, words)
    _find_refusers(con)
    _end(con)
    con.execute("DELETE FROM suppression; DELETE FROM closed_contact_point")
    con.execute("""
        INSERT INTO suppression BY NAME
        SELECT person_id, min(record_id) AS record_id, closes AS channel, reason, since, until, min(email) AS email,
               min(phone) AS phone
        FROM work_closing JOIN work_refuser USING (source, person_key)
        GROUP BY person_id, closes, reason, since, until""")
    con.execute("""
        INSERT INTO closed_contact_point BY NAME
        WITH point AS (
            SELECT record_id, closes, reason, since, until, unnest([email, phone]) AS point FROM work_closing
            UNION ALL SELECT record_id, closes, reason, since, until, point FROM work_closing
            JOIN work_held_point USING (source, person_key)
        ), channel AS (
            SELECT p.*, c.channel FROM point p JOIN (VALUES ('phone'), ('text'), ('email')) c(channel)
            ON c.channel = closes OR closes = 'all' WHERE (c.channel = 'email') = contains(point, '@')
        )
        SELECT min(record_id) AS record_id, channel, point, reason, since, until FROM channel
        GROUP BY channel, point, reason, since, until""")
    drop(con, "work_closing", "work_reversal", "work_refuser_key", "work_refuser_description", "work_refuser",
         "work_held_point")  # fmt: skip


def unknown_words(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Return a sentence for each word that is not known, with the line of TOML that maps it, the commonest first."""
    words = kept_words(con)
    counted = con.sql("SELECT kind, channel, word, count(*) FROM refusal GROUP BY ALL").pl()
    unknown: dict[tuple[str, str], int] = {}
    for kind, channel, word, n in counted.iter_rows():
        if kind != "list" and words.outcome(kind, word) is None:
            unknown[kind, word] = unknown.get((kind, word), 0) + n
        if channel not in (None, "all") and words.channel(channel) is None:
            unknown["channel", channel] = unknown.get(("channel", channel), 0) + n
    return [
        f"{n:,} records carry the unknown {_CALLED[kind]} {word!r} and hold who they are about; a line in "
        f"contact_results.toml beside the exports maps it: {line_for(kind, word)}"
        for (kind, word), n in sorted(unknown.items(), key=lambda item: (-item[1], item[0]))
    ]


_CALLED = {"channel": "contact type", "contact": "result", "email": "e-mail event", "text": "answer to texts"}


def _say_what_is_closed(con: duckdb.DuckDBPyConnection, words: Words) -> None:
    """Fill `work_closing`: one row per refusal and channel that it closes."""
    refusals = con.sql("SELECT DISTINCT kind, channel, word FROM refusal").pl()
    rows = [
        (kind, channel, word, closes, reason)
        for kind, channel, word in refusals.iter_rows()
        for closes, reason in words.closes(kind, channel, word)
    ]
    names = ["kind", "channel", "word", "closes", "reason"]
    con.register("meaning", pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row"))
    create(
        con,
        "work_closing",
        """
        SELECT min(record_id) AS record_id, coalesce(person_source, '') AS source,
               coalesce(person_key, '') AS person_key, r.kind, closes, reason, happened_on AS since,
               min(until) AS until, r.email, r.phone
        FROM refusal r JOIN meaning m ON m.kind = r.kind AND m.channel IS NOT DISTINCT FROM r.channel
          AND m.word IS NOT DISTINCT FROM r.word
        GROUP BY ALL""",
    )
    con.unregister("meaning")


def _gather_reversals(con: duckdb.DuckDBPyConnection, words: Words) -> None:
    """Fill `work_reversal`: who said yes again, on which channel, when, and for what number."""
    email_words = con.sql("SELECT DISTINCT word FROM refusal WHERE kind = 'email'").pl()["word"]
    again = [word for word in email_words if word and words.outcome("email", word) == "resubscribed"]
    create(
        con,
        "work_reversal",
        """
        WITH again AS (
            SELECT r.person_source, r.person_key, 'email' AS channel, e.enrolled_on AS said_on, NULL AS point
            FROM enrollment e JOIN record r USING (record_id) WHERE program = $program
            UNION ALL SELECT person_source, person_key, 'email', happened_on, email FROM refusal
            WHERE kind = 'email' AND list_contains($again::VARCHAR[], word)
            UNION ALL SELECT r.person_source, r.person_key, 'text', t.answered_on, t.phone
            FROM text_optin t JOIN record r USING (record_id) WHERE answer = 'yes'
        )
        SELECT DISTINCT coalesce(person_source, '') AS source, coalesce(person_key, '') AS person_key, channel, said_on,
               point
        FROM again WHERE said_on <= (SELECT max(as_of) FROM source_file)
          AND channel IN (SELECT closes FROM work_closing WHERE since IS NOT NULL)""",
        {"program": EMAIL_LIST, "again": again},
    )


def _find_refusers(con: duckdb.DuckDBPyConnection) -> None:
    """Fill `work_refuser`, who a key names, and `work_held_point`, every address and number that was ever theirs."""
    columns = "source, record_key, person_id, first_name, last_name, birth_date, state, zip5, address_key, phone, " \
              "email, state_voter_id, van_id, van_state"  # fmt: skip
    past = columns.replace("person_id", "NULL AS person_id")
    create(
        con,
        "work_every_description",
        f"""
        SELECT {columns} FROM source_record
        UNION ALL SELECT {past} FROM other_description UNION ALL SELECT {past} FROM past_description""",
        view=True,
    )
    create(
        con,
        "work_refuser_key",
        f"""
        SELECT *, {plain_key("person_key")} AS plain FROM (
            SELECT source, person_key FROM work_closing UNION SELECT source, person_key FROM work_reversal
        ) WHERE person_key <> ''""",
    )
    create(
        con,
        "work_refuser_description",
        f"""
        WITH described AS (FROM work_every_description SEMI JOIN work_refuser_key USING (source)),
        sought AS (
            SELECT source, person_key, person_key AS record_key FROM work_refuser_key
            UNION SELECT source, person_key, plain FROM work_refuser_key
        )
        SELECT k.source, k.person_key, e.* EXCLUDE (source) FROM sought k JOIN described e USING (source, record_key)
        UNION SELECT k.source, k.person_key, e.* EXCLUDE (source) FROM work_refuser_key k JOIN (
            FROM described WHERE record_key[1] = '0' OR contains(record_key, '|0') OR contains(record_key, '.0')) e
        ON e.source = k.source AND {plain_key("e.record_key")} = k.plain""",
    )
    of_key = "SELECT DISTINCT source, person_key, person_id FROM work_refuser_description WHERE person_id IS NOT NULL"
    create(con, "work_refuser", of_key)
    lost = "FROM work_refuser_description ANTI JOIN work_refuser USING (source, person_key)"
    create(con, "work_lost_refuser", lost)
    for keys in FITS:
        con.execute(f"INSERT INTO work_refuser {_fitting(keys)} EXCEPT FROM work_refuser")
    _hold_points(con)
    drop(con, "work_every_description", "work_lost_refuser")


def _hold_points(con: duckdb.DuckDBPyConnection) -> None:
    """Fill `work_held_point`: every address and number that a refuser has or ever had."""
    create(
        con,
        "work_held_point",
        """
        WITH own AS (
            SELECT r.source, r.person_key, s.source AS of, record_key, email, phone
            FROM work_refuser r JOIN source_record s USING (person_id)
        ), before AS (
            SELECT source AS of, record_key, email, phone FROM other_description
            UNION ALL SELECT source, record_key, email, phone FROM past_description
        ), other AS (
            SELECT source, person_key, email, phone FROM own
            UNION SELECT source, person_key, b.email, b.phone FROM own JOIN before b USING (of, record_key)
            UNION SELECT source, person_key, email, phone FROM work_refuser_description
        )
        SELECT DISTINCT source, person_key, unnest([email, phone]) AS point FROM other""",
    )
    con.execute("DELETE FROM work_held_point WHERE point IS NULL")


def _fitting(keys: tuple[str, ...]) -> str:
    """Return SQL for the people one of whose records agrees on some keys with what was said of a lost one."""
    narrow, names = keys[0], [key for key in keys if key in _NAMES]
    agree = [f"l.{key} = r.{key}" for key in keys]
    told = "".join(f", {_NAMES[name]} AS {name}" for name in names)
    return f"""
        SELECT DISTINCT l.source, l.person_key, r.person_id
        FROM (SELECT source, person_key, {", ".join(k for k in keys if k not in _NAMES)}{told} FROM work_lost_refuser) l
        JOIN (SELECT person_id, {", ".join(k for k in keys if k not in _NAMES)}{told} FROM source_record
              WHERE {narrow} IN (SELECT {narrow} FROM work_lost_refuser)) r ON {" AND ".join(agree)}"""


def _end(con: duckdb.DuckDBPyConnection) -> None:
    """Say until when each closing held: a later word of the same person about the same address or number ended it."""
    reasons = ", ".join(f"'{reason}'" for reason in REVERSIBLE)
    con.execute(
        "UPDATE work_closing SET until = CASE WHEN until <= (SELECT max(as_of) FROM source_file) THEN until END"
    )
    create(
        con,
        "work_ending",
        f"""
        WITH numbered AS (
            SELECT rowid AS closing, *, CASE closes WHEN 'email' THEN email WHEN 'text' THEN phone END AS point
            FROM work_closing WHERE reason IN ({reasons}) AND since IS NOT NULL
        ), paired AS (
            SELECT n.closing, n.point, v.source, v.person_key, v.said_on, v.point AS at FROM numbered n
            JOIN work_reversal v ON v.channel = n.closes AND v.source = n.source AND v.person_key = n.person_key
              AND v.said_on > n.since
            UNION
            SELECT n.closing, n.point, v.source, v.person_key, v.said_on, v.point FROM numbered n
            JOIN work_refuser a ON a.source = n.source AND a.person_key = n.person_key
            JOIN work_refuser b ON b.person_id = a.person_id
            JOIN work_reversal v ON v.source = b.source AND v.person_key = b.person_key AND v.channel = n.closes
              AND v.said_on > n.since
            UNION
            SELECT n.closing, n.point, v.source, v.person_key, v.said_on, v.point FROM numbered n
            JOIN work_refuser_description s ON s.email = n.point
            JOIN work_reversal v ON v.source = s.source AND v.person_key = s.person_key AND v.channel = n.closes
              AND v.said_on > n.since WHERE n.closes = 'email'
        )
        SELECT closing, min(said_on) AS said_on FROM paired p
        WHERE p.point IS NULL OR p.point = p.at OR (p.at IS NULL AND EXISTS (
            FROM work_refuser_description s WHERE s.source = p.source AND s.person_key = p.person_key
              AND p.point IN (s.email, s.phone)))
        GROUP BY closing""",
    )
    con.execute("""
        UPDATE work_closing SET until = least(until, said_on) FROM work_ending
        WHERE work_closing.rowid = work_ending.closing""")
    drop(con, "work_ending")
