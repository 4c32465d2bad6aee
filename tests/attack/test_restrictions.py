"""What FEC reports say stays barred from soliciting, whichever way it is taken; what nobody knows is barred too."""

import hashlib
import json
from random import Random

import polars as pl
import pytest

from campaignkit import sample, voters
from campaignkit.errors import BadValue, SourceRestricted
from tests.megafile.campaign import TODAY, write_facts

PEOPLE = 400


@pytest.fixture
def megafile(tmp_path):
    """Four hundred people with phones; an FEC report names every tenth."""
    person = pl.DataFrame(
        {
            "person_id": range(1, PEOPLE + 1),
            "phone": [f"+1216555{at:04}" for at in range(PEOPLE)],
            "email": [f"p{at}@x.org" for at in range(PEOPLE)],
            "birth_year": [1930 + at % 60 for at in range(PEOPLE)],
            "sex": ["F", "M"] * (PEOPLE // 2),
        }
    )
    gift = pl.DataFrame(
        {"person_id": range(1, PEOPLE + 1, 3), "given_on": TODAY, "amount": 20.0, "channel": "online"},
    ).cast({"amount": pl.Decimal(14, 2)})
    fec = pl.DataFrame({"person_id": range(1, PEOPLE + 1, 10), "amount": 500.0, "given_on": TODAY, "is_memo": False})
    off = pl.DataFrame(
        {"person_id": [2, 12], "channel": ["email", "all"], "reason": ["unsubscribed", "deceased"], "since": TODAY}
    )
    facts = {"person": person, "gift": gift, "fec_gift": fec.cast({"amount": pl.Decimal(14, 2)}), "suppression": off}
    with write_facts(tmp_path / "fec.duckdb", facts) as megafile:
        yield megafile


def in_a_cursor(mf):
    with mf.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE mine AS SELECT DISTINCT person_id FROM fec_gift")
        return mf.universe_of(cursor.sql("SELECT * FROM mine"))


def with_score(mf, scores, **options):
    mf.write_scores("taken", scores, **options)
    return mf.universe("score('taken') is not null")


IDS = "SELECT DISTINCT person_id FROM fec_gift"
ROUTES = {
    "predicate": lambda mf: mf.universe("fec_gifts() > 0"),
    "predicate in capitals": lambda mf: mf.universe("FEC_GIFTS() > 0"),
    "predicate in a case": lambda mf: mf.universe("case when fec_gifts() > 0 then true else false end"),
    "set algebra": lambda mf: (mf.universe("donor") - mf.universe("fec_gifts() > 0")) | mf.universe("sex = 'F'"),
    "universe_of a universe": lambda mf: mf.universe_of(mf.universe("fec_gifts() > 0")),
    "universe_of people": lambda mf: mf.universe_of(mf.universe("fec_gifts() > 0").people()),
    "universe_of a sample": lambda mf: mf.universe_of(mf.universe("fec_gifts() > 0").sample(30)),
    "universe_of pseudonyms": lambda mf: mf.universe_of(mf.universe("fec_gifts() > 0").pseudonyms("salt")),
    "universe_of a relation": lambda mf: mf.universe_of(mf.universe("fec_gifts() > 0").relation()),
    "universe_of features": lambda mf: mf.universe_of(mf.universe("fec_gifts() > 0").features(["age"])),
    "features that are FEC's": lambda mf: mf.universe_of(mf.universe().features({"x": "fec_gifts()"})),
    "features, filtered": lambda mf: mf.universe_of(mf.universe().features({"x": "fec_gifts()"}).filter("x > 0")),
    "features as a frame": lambda mf: mf.universe_of(mf.universe().features({"x": "fec_gifts()"}).pl().filter(pl.col("x") > 0)),
    "features as Arrow": lambda mf: mf.universe_of(mf.universe("fec_gifts() > 0").features(["age"]).to_arrow_table()),
    "a universe within a universe_of": lambda mf: mf.universe_of(mf.universe_of(mf.sql(IDS)).people("person_id")),
    "mf.table": lambda mf: mf.universe_of(mf.table("fec_gift")),
    "mf.table, aggregated": lambda mf: mf.universe_of(mf.table("fec_gift").aggregate("person_id")),
    "mf.relation": lambda mf: mf.universe_of(mf.relation(IDS)),
    "mf.relation, filtered": lambda mf: mf.universe_of(mf.relation(IDS).filter("person_id > 0")),
    "mf.sql": lambda mf: mf.universe_of(mf.sql(IDS)),
    "mf.sql, copied": lambda mf: mf.universe_of(mf.sql(IDS).clone().head(1000)),
    "query_table": lambda mf: mf.universe_of(mf.sql("SELECT DISTINCT person_id FROM query_table('fec' || '_gift')")),
    "query_table as a relation": lambda mf: mf.universe_of(mf.relation("SELECT person_id FROM query_table(['fec' || '_gift'])")),
    "query of a query": lambda mf: mf.universe_of(mf.sql("SELECT person_id FROM query('FROM fec' || '_gift')")),
    "a temporary table": in_a_cursor,
    "ids": lambda mf: mf.universe_of(mf.sql(IDS)["person_id"].to_list()),
    "ids in a keyword": lambda mf: mf.universe(person_id=mf.sql(IDS)["person_id"].to_list()),
    "ids in a predicate": lambda mf: mf.universe(f"person_id in {tuple(mf.sql(IDS)['person_id'])}"),
    "ids in a list": lambda mf: mf.universe(f"person_id in {mf.sql(IDS)['person_id'].to_list()}"),
    "ids in a range": lambda mf: mf.universe("person_id between 1 and 1 or person_id = 11"),
    "ids bent": lambda mf: mf.universe("person_id + 0 in (1, 11, 21)"),
    "phones": lambda mf: mf.universe("phone in ('+12165550000', '+12165550010')"),
    "a universe's own sql": lambda mf: mf.universe_of(mf.sql(mf.universe_of(mf.sql(IDS)).sql)),
    "a score of FEC rows": lambda mf: with_score(mf, mf.sql("SELECT person_id, sum(amount)::DOUBLE AS value FROM fec_gift GROUP BY 1")),
    "a score of a copy": lambda mf: with_score(
        mf, mf.sql("SELECT person_id, sum(amount)::DOUBLE AS value FROM fec_gift GROUP BY 1").clone().head(500)),
    "a score said to be clean of FEC rows": lambda mf: with_score(
        mf, mf.sql("SELECT person_id, 1.0::DOUBLE AS value FROM fec_gift GROUP BY 1"), restricted=()),
    "a restriction said away": lambda mf: mf.universe_of(mf.sql(IDS), restricted=()),
    "a universe's restriction said away": lambda mf: mf.universe_of(mf.universe("fec_gifts() > 0").features(["age"]), restricted=()),
    "mf.table('record')": lambda mf: mf.universe_of(mf.relation("SELECT 1 AS person_id FROM record UNION ALL SELECT 1")),
}  # fmt: skip


@pytest.mark.parametrize("route", ROUTES)
def test_no_route_ends_in_a_list_to_raise_money(megafile, route):
    universe = ROUTES[route](megafile)
    with pytest.raises(SourceRestricted):
        universe.call_list("phone", "fundraise")
    with pytest.raises(SourceRestricted):
        (megafile.universe() - universe).call_list("mail", "fundraise")
    with pytest.raises(SourceRestricted):
        universe.hashed("email", "fundraise")
    universe.call_list("phone", "turnout")  # which nothing bars


CLEAN = {
    "predicates": lambda mf: mf.universe("donor", "age > 40", sex="F"),
    "universe_of a universe": lambda mf: mf.universe_of(mf.universe("donor")),
    "universe_of its frame": lambda mf: mf.universe_of(mf.universe("donor").people("person_id")),
    "universe_of its features": lambda mf: mf.universe_of(mf.universe("donor").features(["age"])),
    "the table of gifts": lambda mf: mf.universe_of(mf.table("gift")),
    "ids said to be clean": lambda mf: mf.universe_of([1, 2, 3], restricted=()),
    "a frame said to be clean": lambda mf: mf.universe_of(mf.sql("SELECT person_id FROM gift"), restricted=()),
    "a score said to be clean": lambda mf: with_score(
        mf, pl.DataFrame({"person_id": [1], "value": [1.0]}), restricted=()
    ),
    "having a phone": lambda mf: mf.universe("phone is not null"),
}


@pytest.mark.parametrize("route", CLEAN)
def test_what_is_known_to_be_clean_may_raise_money(megafile, route):
    assert CLEAN[route](megafile).call_list("phone", "fundraise").table.height > 0


def test_ranks_carry_it(megafile):
    megafile.write_scores("own", pl.DataFrame({"person_id": [1, 2], "value": [0.5, 0.6]}))
    for rank in ("fec_gifts()", "case when fec_gifts() > 5 then 1 else 0 end", "score('own')"):
        with pytest.raises(SourceRestricted):
            megafile.universe().call_list("phone", "fundraise", rank_by=rank)


def test_scores_carry_what_they_are_made_of(megafile, tmp_path):
    everyone = megafile.universe()
    asked = {"name": "gives", "unit": "person_id", "holdout": None}
    own = voters.fit_score(everyone, "donor", ["sex", "fec_gifts()"], purpose="persuade", **asked)
    hidden = voters.fit_score(
        everyone.features({"donor": "donor", "x": "fec_gifts()"}), "donor", ["x"], purpose="persuade", **asked
    )
    frame = everyone.features({"donor": "donor", "x": "fec_gifts()"}).pl()
    copied = voters.fit_score(frame, "donor", ["x"], purpose="persuade", **asked)
    assert "fec_gifts" in own.restricted & hidden.restricted
    assert copied.restricted == {"untraced"}
    for data, features in ((everyone, ["fec_gifts()"]), (frame, ["x"])):
        with pytest.raises(SourceRestricted):
            voters.fit_score(data, "donor", features, purpose="fundraise", **asked)
    for score in (own, hidden, copied, voters.Score.load(own.save_model(tmp_path / "own.json"))):
        score.write_scores(
            megafile, everyone if score.name == own.name and "fec_gifts()" in score.model.design.spec.names else frame
        )
        with pytest.raises(SourceRestricted):
            megafile.universe().call_list("phone", "fundraise", rank_by="score('gives')")


def test_a_clean_score_of_restricted_people_is_restricted(megafile):
    clean = voters.fit_score(
        megafile.universe(), "donor", ["sex"], name="gives", purpose="fundraise", unit="person_id", holdout=None
    )
    clean.write_scores(megafile, megafile.universe("fec_gifts() > 0"))
    with pytest.raises(SourceRestricted):
        megafile.universe("score('gives') is not null").call_list("phone", "fundraise")
    clean.write_scores(megafile)
    megafile.universe("score('gives') is not null").call_list("phone", "fundraise", rank_by="score('gives')")


def test_hashes_leave_out_who_said_no(megafile):
    shown = set(megafile.universe().hashed("email", "persuade")["email_sha256"])
    assert len(shown) == PEOPLE - 2
    assert not shown & {hashlib.sha256(email.encode()).hexdigest() for email in ("p1@x.org", "p11@x.org")}
    with pytest.raises(BadValue, match="purpose"):
        megafile.universe().hashed("email", "sell")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A score and a ranking as they are saved."""
    folder = tmp_path_factory.mktemp("saved")
    people = sample.draw("contest", 2_000, seed=1, host="host_a", appeal=4.0).table
    score = voters.fit_score(
        people,
        "entered",
        ["sex", "age_band"],
        name="enters",
        purpose="volunteer",
        unit="person",
        restricted=["fec_gift"],
    )
    calls = sample.draw("scripts", 2_000, seed=0).table
    ranking = voters.fit_persuasion(
        calls, "arm", "supports_after", ["sex", "age_band"], control="control", treatment="health", unit="person",
    )  # fmt: skip
    paths = {
        voters.Score: score.save_model(folder / "s.json"),
        voters.Persuasion: ranking.save_model(folder / "r.json"),
    }
    return {kind: path.read_text(encoding="utf-8") for kind, path in paths.items()}


@pytest.mark.parametrize("kind", [voters.Score, voters.Persuasion])
def test_a_changed_score_file_is_one_error(saved, kind, tmp_path):
    text, rng, path = saved[kind], Random(14), tmp_path / "changed.json"
    assert kind.load(_put(path, text)).name
    freed = json.loads(text)
    freed["content"]["restricted"] = []
    old = json.dumps(json.loads(text)["content"] | {"version": 1})
    wrong = [
        json.dumps(freed),
        old,
        "",
        "null",
        "[]",
        "{}",
        "1",
        '"x"',
        "[" * 100_000,
        "\ufeff" + text,
        '{"kind": "score", "version": 2}',
    ]
    wrong += [text[: rng.randrange(len(text))] for _ in range(40)]
    for _ in range(60):
        at = rng.randrange(len(text))
        wrong.append(text[:at] + rng.choice('{}[]",:0x') + text[at + 1 :])
    for changed in wrong:
        if changed == text:
            continue
        try:
            again = kind.load(_put(path, changed))
        except BadValue:
            continue
        assert json.loads(changed)["content"] == json.loads(text)["content"]  # a space, or nothing that is kept
        assert again.name
    path.write_bytes(b"\xff\xfe\x00")
    for nowhere in (path, tmp_path, tmp_path / "none.json"):
        with pytest.raises(BadValue, match="holds no"):
            kind.load(nowhere)


def _put(path, text):
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    return path


def test_a_loaded_score_of_another_kind_is_refused(saved, tmp_path):
    with pytest.raises(BadValue, match="no ranking"):
        voters.Persuasion.load(_put(tmp_path / "x.json", saved[voters.Score]))
