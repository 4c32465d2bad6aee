"""The world in files: layouts, bytes, dirt, truth."""

import csv
import gzip
import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from campaignkit import sample
from campaignkit.sample import crm_files, dirt, exports, world
from campaignkit.sample.sinks import Format

from .conftest import PEOPLE, SEED


def text(folder: Path, form: Format) -> str:
    path = folder / form.name
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            assert archive.namelist() == [form.member]
            raw = archive.read(form.member or "")
    else:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if form.encoding == "utf-16":
        assert raw[:2] == b"\xff\xfe"
    return raw.decode(form.encoding)


def records(folder: Path, name: str) -> list[list[str]]:
    form = exports.FORMATS[name]
    quoting = csv.QUOTE_NONE if form.quoting == "never" else csv.QUOTE_MINIMAL
    return list(csv.reader(io.StringIO(text(folder, form), newline=""), delimiter=form.delimiter, quoting=quoting))


def truth(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(folder / "truth" / f"{name}.parquet")


def digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_same_seed_writes_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    sample.write(tmp_path, PEOPLE, seed=SEED)
    assert digest(tmp_path) == digest(folder)


@pytest.mark.parametrize("name", list(exports.FORMATS))
def test_every_record_fits_its_header_but_the_broken_ones(folder: Path, name: str) -> None:
    form = exports.FORMATS[name]
    rows = records(folder, name)
    width = len(form.header) or 21
    if form.header:
        assert rows[0] == form.header
    odd = [row for row in rows if len(row) != width]
    stray = sum(reason == "a stray quote" for _, reason in form.broken)
    assert len(odd) == len(form.broken) - stray


def test_layouts_as_published() -> None:
    forms = exports.FORMATS
    widths = {
        "actblue": 101,
        "nc_voter": 67,
        "nc_history": 15,
        "van_voters": 43,
        "van_contacts": 10,
        "van_answers": 8,
    }
    assert {name: len(forms[name].header) for name in widths} == widths
    assert forms["actblue"].header.count("Reserved") == 7
    assert forms["oh_voter"].header.index("PRIMARY-03/07/2000") == 46


def test_line_ends_and_padding(folder: Path) -> None:
    assert "\r\n" in text(folder, exports.FORMATS["actblue"])
    assert "\r" not in text(folder, exports.FORMATS["oh_voter"])
    carolina = records(folder, "nc_voter")
    at = carolina[0].index("last_name")
    assert all(len(row[at]) >= 25 for row in carolina[1:-1])
    masked = sum(row[25] == "##/##/####" for row in carolina if len(row) == 67)
    assert 0 < masked < 0.01 * len(carolina)


def test_no_file_says_more_than_one_date() -> None:
    for form in exports.FORMATS.values():
        assert form.name.count("20") - form.name.count("20121001") == 0
        assert "20121001" in form.name


def test_identity_names_every_record_once(folder: Path) -> None:
    known = truth(folder, "identity")
    assert known.select(pl.struct("source", "record_key").is_duplicated().any()).item() is False
    for name, source, column in [
        ("oh_voter", "oh_voter", "SOS_VOTERID"),
        ("nc_voter", "nc_voter", "ncid"),
        ("van_voters", "van", "VanID"),
        ("supporters", "supporter", "supporter_id"),
        ("consumer_append", "consumer", "vb.voterbase_id"),
        ("mail", "mail_donor", "donor_id"),
        ("app_friends", "app_friend", "friend_id"),
        ("unsubscribers_2008", "unsubscriber", "email"),
    ]:
        head, *rows = records(folder, name)
        at = head.index(column)
        keys = {row[at] for row in rows if len(row) == len(head)}
        keys -= {key for key in keys if key.startswith("S9999999")}
        assert keys == set(known.filter(pl.col("source") == source)["record_key"]), name


def test_a_donor_is_spelt_one_way(folder: Path) -> None:
    head, *rows = records(folder, "actblue")
    at = [head.index(name) for name in ("Donor Email", "Donor First Name", "Donor Last Name")]
    keys = {"|".join(row[i] for i in at) for row in rows if len(row) == 101}
    known = truth(folder, "identity").filter(pl.col("source") == "actblue")
    assert keys == set(known["record_key"])
    assert known["person"].n_unique() == len(known)


def test_shares_of_dirt(folder: Path) -> None:
    links = truth(folder, "links").filter(pl.col("source_b") != "van")
    share = links.select(pl.col(dirt.FLAGS).mean()).row(0, named=True)
    assert share["typo_first"] == pytest.approx(0.06, abs=0.02)
    assert share["moved"] == pytest.approx(0.2, abs=0.03)
    assert share["no_phone"] == pytest.approx(0.4, abs=0.03)
    assert share["no_birth_date"] == pytest.approx(0.5, abs=0.03)
    assert share["nickname"] == pytest.approx(0.26, abs=0.04)  # 30% of those whose name has one
    assert share["address_variant"] == pytest.approx(0.3, abs=0.05)


def test_links_tell_the_truth(folder: Path) -> None:
    links = truth(folder, "links")
    clean = links.filter(~pl.any_horizontal("nickname", "typo_first", "typo_last"))
    assert clean["shares_first_name"].all()
    assert clean["shares_last_name"].all()
    assert not links.filter("typo_last")["shares_last_name"].any()
    told = links.filter(~pl.col("moved"), ~pl.col("file_moved"), ~pl.col("address_variant"))
    assert told["shares_address"].mean() > 0.97
    assert not links.filter(~pl.col("same_place"), ~pl.col("address_variant"))["shares_address"].any()
    assert links.filter(pl.col("source_b") == "nc_voter")["shares_phone"].mean() == pytest.approx(0.21, abs=0.05)
    assert links.group_by("source_b").agg(pl.col("shares_any").mean())["shares_any"].min() > 0.3


def test_typos_change_the_text() -> None:
    names = pl.Series(["Robert", "Ann", "Lee", "Aaron", "Muñoz", "O'Brien"] * 200)
    every = pl.Series([True] * len(names))
    wrong = dirt.typo(np.random.default_rng(0), names, every)
    assert not (wrong == names).any()
    assert ((wrong.str.len_chars().cast(pl.Int64) - names.str.len_chars().cast(pl.Int64)).abs() <= 1).all()


def test_hostile_comments_are_there(folder: Path) -> None:
    comments = {row[23] for row in records(folder, "actblue") if len(row) == 101}
    assert any("\n" in comment for comment in comments)
    assert any(comment.startswith("=HYPERLINK") for comment in comments)
    assert any('"' in comment for comment in comments)


def test_truth_beside_the_files(folder: Path) -> None:
    assert len(truth(folder, "people")) == PEOPLE
    assert set(truth(folder, "people").columns) >= {"p_turnout", "will_vote", "p_support", "supports"}
    effects = truth(folder, "effects")
    assert {"contest", "quick_donate", "email", "scripts", "winback", "links"} <= set(effects["effect"])
    rejects = truth(folder, "rejects")
    assert len(rejects) == sum(len(form.broken) for form in exports.FORMATS.values())
    drawn = sample.draw("world", PEOPLE, seed=SEED)["people"]
    assert drawn["first_name"].equals(truth(folder, "people")["first_name"])


@pytest.mark.slow
def test_batches_do_not_disturb_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "BATCH", 3000)
    table = sample.write(tmp_path, 6000, seed=1)
    known = truth(tmp_path, "identity")
    assert known.select(pl.struct("source", "record_key").is_duplicated().any()).item() is False
    assert truth(tmp_path, "people")["household"].n_unique() > 2000
    first, _ = world.batch(1, 0, 0, 3000)
    assert truth(tmp_path, "people")["first_name"].head(3000).equals(first["people"]["first_name"])
    assert (
        table.filter(pl.col("file") == "supporters_20121001.csv.gz")["rows"][0]
        == len(records(tmp_path, "supporters")) - 4
    )


def test_names_fit_cp1252(folder: Path) -> None:
    people = truth(folder, "people")
    joined = "".join(people["last_name"].unique()) + "".join(people["first_name"].unique())
    assert joined.encode("cp1252").decode("cp1252") == joined
    assert crm_files.FORMATS["supporters"].encoding == "utf-8"
