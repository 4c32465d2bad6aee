"""What people said about being reached again, kept for good: a shorter export or a later one takes nothing back.

Every record that any file ever held is asked, also those that a later record replaced or a snapshot no longer holds, so
that night by night and all at once come to the same. What those records said of people is kept beside, in
`past_description`, so that a refusal still finds its person when the record that it names is gone.
"""

from __future__ import annotations

import duckdb
import polars as pl

from campaignkit.megafile import schema
from campaignkit.megafile.suppression.contact_results import Words, kept_words, plain_word
from campaignkit.sql import quote_identifiers

#: The tables that words are in: kind, table, channel, word, date.
_SAID = (
    ("contact", "contact", "channel", "result", "contacted_on", "email", "phone"),
    ("email", "email_event", "'email'", "event", "happened_on", "email", "NULL"),
    ("text", "text_optin", "'text'", "answer", "answered_on", "NULL", "phone"),
)

#: What makes two refusals the same one.
_CONTENT = (
    "source", "person_source", "person_key", "kind", "channel", "word", "happened_on", "until", "email", "phone",
)  # fmt: skip


def take_in_words(con: duckdb.DuckDBPyConnection, own: dict[tuple[str, str], str]) -> Words:
    """Add a campaign's own words to those that the megafile keeps, and return all.

    Where that changes one, records that stand are asked again: what said nothing may now be a refusal.
    """
    known = kept_words(con)
    words = Words(known.own | own)
    if words.own != known.own:
        con.execute("DELETE FROM contact_word")
        rows = [(*key, outcome) for key, outcome in sorted(words.own.items())]
        con.executemany("INSERT INTO contact_word VALUES (?, ?, ?)", rows)
        _translate(con, "main", words)
        _record(con, "main", words)
    return words


def record_refusals(con: duckdb.DuckDBPyConnection, words: Words) -> None:
    """Keep what the staged records refuse, those of files to be held back too: a no counts as soon as it is read.

    Parameters
    ----------
    con : DuckDB connection
        To a megafile under construction, the stage loaded and nothing held back yet.
    words : Words
        What results, events and answers say.
    """
    _translate(con, "stage", words)
    _record(con, "stage", words)


def keep_past_descriptions(con: duckdb.DuckDBPyConnection) -> None:
    """Keep what records said of people that do not stand after this, so that a refusal still finds them.

    Call it between `settle_records`, which leaves `work_gone`, and `settle_descriptions`, which lets descriptions go.
    """
    columns = quote_identifiers(list(schema.columns_of("past_description")))
    con.execute(f"""
        INSERT INTO past_description
        SELECT {columns} FROM source_record SEMI JOIN work_gone USING (record_id)
        UNION SELECT {columns} FROM other_description SEMI JOIN work_gone USING (record_id)
        UNION SELECT {columns} FROM stage.source_record
        WHERE record_key IS NOT NULL AND record_id NOT IN (
            SELECT r.record_id FROM stage.record r SEMI JOIN stage.source_record USING (record_id)
            JOIN (FROM record SEMI JOIN stage.record USING (source)) USING (source, record_key, content_hash))
        EXCEPT FROM past_description""")


def _translate(con: duckdb.DuckDBPyConnection, where: str, words: Words) -> None:
    """Write channels one way; answers to texts as yes, no and unknown once they have been recorded."""
    for table in ("contact", "suppression"):
        if where == "main" and table == "suppression":
            continue
        names = con.sql(f"SELECT DISTINCT channel FROM {where}.{table} WHERE channel IS NOT NULL").pl()["channel"]
        named = {word: words.channel(word) for word in names if word != "all"}
        changed = [(word, name) for word, name in named.items() if name not in (None, word)]
        if changed:
            con.register("changed", pl.DataFrame(changed, schema=["word", "name"], orient="row"))
            con.execute(f"UPDATE {where}.{table} AS t SET channel = name FROM changed WHERE t.channel = word")
            con.unregister("changed")


def _record(con: duckdb.DuckDBPyConnection, where: str, words: Words) -> None:
    telling = []
    for kind, table, _, word, *_ in _SAID:
        used = con.sql(f"SELECT DISTINCT {word} AS word FROM {where}.{table} WHERE {word} IS NOT NULL").pl()["word"]
        telling += [(kind, word) for word in used if not words.is_silent(kind, word)]
    con.register("telling", pl.DataFrame(telling, schema={"kind": pl.String, "word": pl.String}, orient="row"))
    parts = [
        f"SELECT record_id, '{kind}' AS kind, {channel} AS channel, {word} AS word, {day} AS happened_on, "
        f"NULL::DATE AS until, {email} AS email, {phone} AS phone FROM {where}.{table} f "
        f"WHERE {word} IN (SELECT word FROM telling WHERE kind = '{kind}')"
        for kind, table, channel, word, day, email, phone in _SAID
    ]
    if where == "stage":
        parts.append("SELECT record_id, 'list', channel, reason, since, until, email, phone FROM stage.suppression")
        parts.append("SELECT record_id, 'list', 'all', 'confidential', NULL, NULL, NULL, NULL FROM stage.source_record "
                     "WHERE confidential AND record_id NOT IN (SELECT record_id FROM stage.suppression "
                     "WHERE reason = 'confidential')")  # fmt: skip
    con.execute(f"""
        INSERT INTO refusal BY NAME
        SELECT min(record_id) AS record_id, r.source, r.person_source, r.person_key, kind, channel, word, happened_on,
               until, coalesce(said.email, d.email) AS email, coalesce(said.phone, d.phone) AS phone
        FROM ({" UNION ALL ".join(parts)}) said JOIN {where}.record r USING (record_id)
        LEFT JOIN {where}.source_record d USING (record_id)
        WHERE NOT EXISTS (FROM refusal k WHERE {" AND ".join(_same(column) for column in _CONTENT)})
        GROUP BY ALL""")
    con.unregister("telling")
    _answer(con, where, words)


def _same(column: str) -> str:
    made = {"email": "coalesce(said.email, d.email)", "phone": "coalesce(said.phone, d.phone)"}
    where = "r." if column in ("source", "person_source", "person_key") else "said."
    return f"k.{column} IS NOT DISTINCT FROM {made.get(column, where + column)}"


def _answer(con: duckdb.DuckDBPyConnection, where: str, words: Words) -> None:
    """Write answers to texts as yes, no and unknown; those of records that stand by what the refusal kept of them."""
    answers_given = con.sql(f"SELECT DISTINCT answer FROM {where}.text_optin WHERE answer IS NOT NULL").pl()["answer"]
    outcomes = {word: words.outcome("text", word) or "unknown" for word in answers_given}
    changed = [(word, answer) for word, answer in outcomes.items() if word != answer]
    con.register("changed", pl.DataFrame(changed, schema={"word": pl.String, "answer": pl.String}, orient="row"))
    con.execute(f"UPDATE {where}.text_optin AS t SET answer = changed.answer FROM changed WHERE t.answer = word")
    con.unregister("changed")
    if where == "main":
        kept = con.sql("SELECT DISTINCT word FROM refusal WHERE kind = 'text'").pl()["word"]
        rows = [(word, words.own[key]) for word in kept if (key := ("text", plain_word(word))) in words.own]
        con.register("changed", pl.DataFrame(rows, schema={"word": pl.String, "answer": pl.String}, orient="row"))
        con.execute("""
            UPDATE text_optin AS t SET answer = changed.answer FROM refusal r, changed
            WHERE r.kind = 'text' AND r.word = changed.word AND t.record_id = r.record_id""")
        con.unregister("changed")
