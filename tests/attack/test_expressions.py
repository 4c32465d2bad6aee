"""No text reaches SQL: every place that takes an expression reads one scalar expression of an allow-list, or refuses."""

import datetime
import itertools

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from campaignkit.errors import BadValue, CampaignkitError, ColumnNotFound
from campaignkit.megafile.expressions import grammar as expressions
from campaignkit.widgets.cube import tally_of
from campaignkit.widgets.selection import Selection
from tests.megafile.campaign import TODAY, write_facts

PEOPLE = 40


@pytest.fixture(scope="module")
def megafile(tmp_path_factory):
    """Forty people; every fourth said no to calls."""
    person = pl.DataFrame(
        {
            "person_id": range(1, PEOPLE + 1),
            "sex": ["F", "M"] * (PEOPLE // 2),
            "state": ["OH"] * PEOPLE,
            "phone": [f"+1216555{at:04}" for at in range(PEOPLE)],
            "email": [f"p{at}@x.org" for at in range(PEOPLE)],
            "birth_date": [datetime.date(1950 + at, 1, 1) for at in range(PEOPLE)],
            "sources": [["supporter"]] * PEOPLE,
        }
    )
    refused = pl.DataFrame(
        {"person_id": range(1, PEOPLE + 1, 4), "channel": "phone", "reason": "refused", "since": TODAY}
    )
    score = pl.DataFrame({"person_id": range(1, 11), "name": "warm", "value": 0.5, "scored_on": TODAY})
    fec = pl.DataFrame({"person_id": [3], "amount": [500.0], "given_on": [TODAY], "is_memo": [False]})
    facts = {
        "person": person,
        "suppression": refused,
        "score": score,
        "fec_gift": fec.cast({"amount": pl.Decimal(14, 2)}),
    }
    with write_facts(tmp_path_factory.mktemp("attack") / "few.duckdb", facts) as megafile:
        yield megafile


FELL = "unnest({'rank': 0.0::DOUBLE, 'fell': NULL::INTEGER})"
HOSTILE = [
    # closing what the query opens
    f"{FELL}), --", f"{FELL})), --", FELL, "unnest([true, true])", "false) OR (true", "true) OR (true",
    "true) LIMIT 3 --", "true)) --", "true LIMIT 3", "true] || [true", "true], [true", "true) AS x, (true", "1=1) --",
    "0.0 AS rank, NULL AS fell --", "0)::DOUBLE AS rank, 1 AS tie, NULL AS fell FROM person p --", "true; SELECT 1",
    "true; DROP TABLE suppression", "true) UNION SELECT person_id FROM person --", "true) FROM person WHERE (true",
    # comments
    "true -- ", "true /*", "true /* /* */", "/*) FROM person p --*/ true) --", "true #", "true\x00", "true --\n) OR (true",
    # other queries
    "(SELECT true)", "EXISTS (FROM suppression)", "person_id IN (SELECT person_id FROM fec_gift)", "true AND (FROM fec_gift)",
    "person_id = ANY (SELECT 3)", "sex = ANY(['F'])", "ARRAY(SELECT 1) IS NOT NULL",
    # files, settings, tables by name, state
    "read_csv('/etc/passwd') IS NULL", "read_text('/etc/passwd') IS NOT NULL", "getenv('HOME') IS NOT NULL",
    "current_setting('threads') IS NOT NULL", "query('SELECT 1')", "query_table('fec_gift') IS NOT NULL",
    "getvariable('x')", "nextval('x') > 0", "currval('x') > 0", "pragma_version()", "version() = ''", "txid_current() > 0",
    "current_user = 'x'", "current_schema() = 'main'", "current_database() = 'x'", "error('x')", "write_log('x') IS NULL",
    "json_execute_serialized_sql('x')", "json_serialize_sql('SELECT 1') = ''", "add_parquet_key('a', 'b')",
    # not the same every time
    "random() < 2", "uuid() = gen_random_uuid()", "now() > birth_date", "current_date > birth_date", "today() > birth_date",
    "setseed(0.5) IS NULL", "current_timestamp IS NOT NULL",
    # not scalar
    "row_number() OVER () < 5", "sum(birth_year) OVER () > 0", "count(*) > 0", "count(DISTINCT sex) > 0", "max(phone) > 'x'",
    "sum(birth_year) FILTER (WHERE true) > 0", "generate_series(1, 3) IS NULL", "range(1000000000) IS NOT NULL", "GROUPING(sex) = 0",
    "COLUMNS(*) IS NULL", "*", "p.*", "COLUMNS('p.*')", "* EXCLUDE (sex)", "unpack(COLUMNS(*))", "{'a': true}.a", "row(1)", "(1, 2)",
    "struct_pack(a := 1)", "{'a': 1}", "MAP {'a': 1}", "[x for x in [1, 2]] IS NULL", "list_transform([1], x -> x + 1) IS NULL",
    "list_transform([1], lambda x: x + 1) IS NULL", "lambda x: x", "x -> x", "list_reduce([1], (a, b) -> a) > 0",
    # names and calls bent
    "system.main.lower(sex) = 'f'", "main.lower(sex) = 'f'", "lower(x := sex) = 'f'", "lower(DISTINCT sex) = 'f'", "sex.lower().query()",
    "gave(DISTINCT 'online')", "main.gave()", "gave(x := 'online')", "gave('online' ORDER BY 1)", "suppression.reason IS NULL",
    "s.reason IS NULL", "p.person_id = s.person_id", "main.person.sex = 'F'", "memory.p.sex = 'F'", "rowid > 0", "p.rowid > 0",
    "#1", "$1", "?", "$x", "DEFAULT", "sex COLLATE NOCASE = 'f'", "sex::mood = 'F'", "sex::ENUM('F') = 'F'", "sex::STRUCT(a INT) IS NULL",
    "'x'::BLOB IS NULL", "x'00' IS NULL", "repeat('x', 1000000000) IS NOT NULL", "rpad('x', 1000000000, 'x') IS NOT NULL",
    "format('{}', 1) = '1'", "printf('%999999999d', 1) IS NULL", "try(1/0) IS NULL", "sleep(10)", "pg_sleep(10)", "bit_count(1) > 0",
    "lower(sex) -> 'x' IS NULL", "sex->>'x' IS NULL", "sex[1:1] = 'F'", "sources[1] = 'supporter'", "chr(0) = ''",
    "gave('{as_of}')", "gave('\x00')", "voted_in('2008-11-04'') OR true --')", "score('warm') OR score('x''y') > 0",
    # nothing, and other alphabets
    "", " ", ";", ")", "(", "'", '"', "\\", "é", "（true）", "true）OR（true", "ｔｒｕｅ", "‮eurt", "\ud800", "{as_of}", "{0}", "1 =", "not",
]  # fmt: skip

#: Every place that takes an expression, as a call that uses it.
PLACES = {
    "universe": lambda mf, text: mf.universe("sex = 'F'", text).count(),
    "rank_by": lambda mf, text: mf.universe().call_list("phone", "turnout", rank_by=text, cooldown_days=None),
    "features": lambda mf, text: mf.universe().features([text]).pl(),
    "named features": lambda mf, text: mf.universe().features({"x": text}).pl(),
    "people": lambda mf, text: mf.universe().people(text),
    "sample": lambda mf, text: mf.universe().sample(3, columns=[text]),
    "by": lambda mf, text: mf.universe().by(text),
    "measures": lambda mf, text: mf.universe().by("sex", measures=[text]),
    "translated": lambda mf, text: mf.universe().translated(text),
    "the widget's And also": lambda mf, text: tally_of(mf.universe(*Selection(sex=("F",), also=text).predicates())),
}


@pytest.mark.parametrize("text", [text for text in HOSTILE if text.strip()])
def test_hostile_predicates_are_refused(megafile, text):
    with pytest.raises((BadValue, ColumnNotFound)):
        megafile.universe("sex = 'F'", text)


@pytest.mark.parametrize("place", PLACES)
def test_every_place_refuses_them(megafile, place):
    for text in HOSTILE:
        if place == "the widget's And also" and not text.strip():
            continue  # nothing was said
        with pytest.raises(CampaignkitError):
            PLACES[place](megafile, text)


@pytest.mark.slow
def test_nobody_who_refused_is_on_a_list_whatever_ranks_it(megafile):
    refused = set(range(1, PEOPLE + 1, 4))
    for text in [*HOSTILE, *MEANT]:
        try:
            made = megafile.universe().call_list(
                "phone", "turnout", rank_by=text, cooldown_days=None, per_household=None
            )
        except CampaignkitError:
            continue
        assert not refused & set(made.table["person_id"]), text
        assert made.funnel["removed"].sum() + made.table.height == PEOPLE


MEANT = [
    "age between 40 and 49",
    "sex = 'F' and (age > 30 or not donor)", "sex in ('F', 'M') or sex is null", "sex not in ('F')",
    "phone is not null", "email like '%@x.org'", "email not ilike 'P1%'", "lower(sex) = 'f'",
    "coalesce(gifts('90d'), 0) + 1 > 0.5", "case when sex = 'F' then age else null end > 40", "-age < - -3",
    "birth_date >= date '1960-01-01'", "birth_date + interval 3 years < date '2000-01-01'",
    "extract(year from birth_date) = 1960", "date_diff('year', birth_date, date '2012-01-01') > 40",
    "cast(substr(phone, 9, 4) as integer) % 2 = 0", "try_cast(sex as integer) is null", "'supporter' in sources",
    "list_contains(sources, 'supporter')", "len(sources) >= 1", "score('warm') is not null", "voter is false",
    "sex is distinct from 'F'", "sex in ['F']", "starts_with(phone, '+1')", "regexp_matches(email, '^p[0-9]+@')",
    "email ~ 'p.*'", "age // 10 * 10 = 40", "sex || state = 'FOH'", "greatest(age, 40) <= 50", "true", "null",
    "/* women */ sex = 'F' -- the end\n", "p.sex = 'F' and person.state = 'OH'", "suppressed('phone')", "age ** 2 > 100",
    "nullif(sex, 'F') is null", "if(sex = 'F', true, false)", "sex == 'F'",
]  # fmt: skip


@pytest.mark.parametrize("text", MEANT)
def test_what_analysts_write_means_what_duckdb_makes_of_it(megafile, text):
    universe = megafile.universe(text)
    if not any(name in text for name in ("age", "donor", "voter", "score(", "gifts(", "suppressed(")):
        by_hand = megafile.sql(f"SELECT person_id FROM person AS p, (SELECT 1) WHERE {text.replace('person.', 'p.')}\n")
        assert universe.people("person_id")["person_id"].to_list() == sorted(by_hand["person_id"])
    assert 0 <= universe.count() <= PEOPLE
    assert "--" not in universe.where
    assert "/*" not in universe.where


def test_conditions_stand_in_brackets_of_their_own(megafile):
    women = set(megafile.universe("sex = 'F'").people("person_id")["person_id"])
    either = megafile.universe("sex = 'F'", "sex = 'M' or sex = 'F'")
    assert set(either.people("person_id")["person_id"]) == women
    assert megafile.universe("voter = false").count() == PEOPLE  # a fact's own SQL, too


atom = st.sampled_from(
    ["true", "false", "null", "age", "2", "-3", "1.5", "sex", "'F'", "'a''b'", "voter", "'--'", "'*/'"]
)
operator = st.sampled_from([
    "{0} + {1}", "{0} - {1}", "-{0}", "not {0}", "{0} and {1}", "{0} or {1}", "{0} = {1}", "{0} < {1}", "({0})",
    "{0} between {1} and {0}", "{0} in ({1}, {0})", "{0} not in ({1})", "{0} is null", "{0} like {1}", "{0} || {1}",
    "case when {0} then {1} else {0} end", "coalesce({0}, {1})", "cast({0} as varchar)", "{0} is distinct from {1}", "abs({0})",
    "{0} * {1}", "{0} is not true", "/* {1} */ {0}", "{0} -- {1}\n",
])  # fmt: skip
written = st.recursive(
    atom, lambda inner: st.builds(lambda how, a, b: how.format(a, b), operator, inner, inner), max_leaves=8
)


def _shape(node):
    """Return a tree without places, for comparing."""
    if isinstance(node, dict):
        left_out = ("query_location", "query_location_length", "alias")
        return {key: _shape(value) for key, value in node.items() if key not in left_out}
    return [_shape(one) for one in node] if isinstance(node, list) else node


@settings(max_examples=300, deadline=None)
@given(text=written)
@example(text="/* /* '*/' */ true */ true")
def test_what_is_written_reads_as_what_was_read(text):
    try:
        tree = expressions.parse(text)
    except BadValue:
        return
    names = lambda node: '"' + node["column_names"][0] + '"' if node["class"] == "COLUMN_REF" else None  # noqa: E731
    try:
        sql = expressions.write(tree, names)
    except BadValue as refused:  # a quoted '*/' ends a comment, and what follows reads as an operator of that name
        if "operator '*/'" in str(refused):
            return
        raise
    assert expressions.write(expressions.parse(sql), names) == sql
    again = expressions.parse(sql)
    assert _folded(_shape(again)) == _folded(_shape(tree))


def _folded(node):
    """DuckDB reads a and (b and c) as three; types' names fold."""
    if isinstance(node, list):
        return [_folded(one) for one in node]
    if not isinstance(node, dict):
        return node
    node = {key: _folded(value) for key, value in node.items()}
    if node.get("class") == "CONJUNCTION":
        parts = [p["children"] if p.get("type") == node["type"] else [p] for p in node["children"]]
        node["children"] = list(itertools.chain(*parts))
    return {
        key: value.upper() if key == "type_name" else value for key, value in node.items() if key != "qualified_name"
    }


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.sampled_from("()[]{}'\"-/*;,= \n\\$#?:|&<>x1é\u2028"), max_size=25) | st.text(max_size=15))
def test_any_text_is_read_or_refused_by_one_error_of_ours(megafile, text):
    try:
        count = megafile.universe("sex = 'F'", text).count()
    except CampaignkitError:
        return
    assert count <= PEOPLE // 2


@pytest.mark.parametrize(
    "text",
    ["(" * 5_000, "(" * 100_000, "(" * 300 + "true" + ")" * 300, "not " * 20_000 + "true", "1 + " * 50_000 + "1 > 0",
     "case when " * 3_000, "[" * 2_000 + "1" + "]" * 2_000, "abs(" * 900 + "1" + ")" * 900, "x" * 3_000_000, "'" * 50_001],
    ids=["open", "open far", "brackets", "nots", "sums", "cases", "lists", "calls", "long", "quotes"],
)  # fmt: skip
def test_deep_and_long_ones_are_refused_soon(megafile, text):
    with pytest.raises(CampaignkitError) as caught:
        megafile.universe(text).count()
    assert len(str(caught.value)) < 3_000


@pytest.mark.slow
def test_many_values_are_no_trouble(megafile):
    assert megafile.universe(person_id=list(range(1, 50_000))).count() == PEOPLE
    assert (
        megafile.universe(" or ".join(f"birth_year = {year}" for year in range(1000, 3000)) + " or true").count()
        == PEOPLE
    )


@pytest.mark.parametrize("predicate", [5, None, b"true", ["true"], ("sex", "F"), True])
def test_a_predicate_is_a_text(megafile, predicate):
    with pytest.raises(BadValue, match="expression is text"):
        megafile.universe(predicate)


@pytest.mark.parametrize("text", ["5", "sex", "birth_date", "'true'", "age", "gifts()", "phone || email"])
def test_a_predicate_is_a_yes_or_no(megafile, text):
    with pytest.raises(BadValue, match="no yes or no"):
        megafile.universe(text)


@pytest.mark.parametrize("text", ["sex", "birth_date", "phone", "sources"])
def test_a_rank_is_a_number(megafile, text):
    with pytest.raises(BadValue, match="a number to rank by"):
        megafile.universe().call_list("phone", "turnout", rank_by=text)


def test_what_fails_only_in_the_rows_is_one_error(megafile):
    with pytest.raises(BadValue, match="Could not convert"):
        megafile.universe("cast(sex as integer) > 3").count()


@pytest.mark.parametrize(
    "query",
    ["CREATE TEMP TABLE suppression AS SELECT * FROM main.suppression LIMIT 0", "CREATE TEMP MACRO lower(x) AS 'f'",
     "SELECT 1; CREATE TEMP VIEW person AS SELECT 1", "/* */ CREATE TEMP TABLE person AS SELECT 1", "SET VARIABLE x = 1",
     "EXPLAIN ANALYZE CREATE TEMP TABLE person AS SELECT 1", "ATTACH ':memory:' AS x", "BEGIN"],
)  # fmt: skip
def test_nothing_is_put_in_front_of_the_megafiles_own_tables(megafile, query):
    with pytest.raises(BadValue, match="changes something"):
        megafile.sql(query)
    assert megafile.universe("suppressed('phone')").count() == PEOPLE // 4


def test_a_length_of_time_is_neither_a_condition_nor_a_rank(megafile):
    for text in ("INTERVAL '1' DAY", "to_days(3)"):
        with pytest.raises(BadValue):
            megafile.universe(text)
        with pytest.raises(BadValue):
            megafile.universe().call_list("phone", "turnout", rank_by=text)


@pytest.mark.parametrize("rank", ["[1]", "[1.5]", "[age]", "[[1]]", "'x'", "NULL"])
def test_a_list_or_text_is_no_rank(megafile, rank):
    with pytest.raises(BadValue):
        megafile.universe().call_list("mail", "turnout", rank_by=rank, limit=3, per_household=2)
