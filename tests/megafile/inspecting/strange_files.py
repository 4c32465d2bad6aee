"""Ten files as campaigns have them and no layout knows them, each with what its columns are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import xlsxwriter

PEOPLE = 60
FIRST = ["Ann", "Robert", "Zoë", "José", "Mary", "James", "Linda", "David", "Susan", "Peter"]
LAST = ["Lee", "Smith", "Peña", "Young", "O'Brien", "Muñoz", "Grant", "Hale", "Ortiz", "Walsh"]
CITIES = ["Akron", "Toledo", "Dayton", "Canton"]


@dataclass(frozen=True)
class Strange:
    """A file: how it is written, and what its columns are; None: one of the campaign's own."""

    write: Callable[[Path], None]
    truth: dict[str, str | None]
    gifts: int = 0


def people() -> pl.DataFrame:
    rng = np.random.default_rng(5)
    each = np.arange(PEOPLE)
    first, last = np.array(FIRST)[each % 10], np.array(LAST)[each // 10 % 10]
    days = [date(1950, 1, 1) + timedelta(days=int(d)) for d in rng.integers(0, 15_000, PEOPLE)]
    return pl.DataFrame({
        "n": each, "first": first, "last": last, "born": days,
        "joined": [date(2012, 1, 2) + timedelta(days=int(d)) for d in rng.integers(0, 200, PEOPLE)],
        "email": [f"{f.lower()}.{n}@example.org".replace("ë", "e").replace("é", "e") for n, f in enumerate(first)],
        "phone": [f"(216) 555-{int(d):04}" for d in rng.permutation(10_000)[:PEOPLE]],
        "zip": [f"0{int(z)}" for z in rng.integers(1001, 2790, PEOPLE)],
        "city": np.array(CITIES)[each % 4], "street": [f"{int(s)} Elm Street" for s in rng.integers(1, 900, PEOPLE)],
        "amount": rng.integers(5, 3_000, PEOPLE) + 0.5, "sex": np.where(each % 3 == 0, "F", "M"),
        "party": np.array(["DEM", "REP", "UNA", "LIB"])[each % 4],
    })  # fmt: skip


def _csv(path: Path, header: list[str], rows: list[tuple], parted: str, encoding: str) -> None:
    lines = [parted.join(header)] if header else []
    lines += [parted.join(str(cell) for cell in row) for row in rows]
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode(encoding))


def write_workbook(path: Path) -> None:
    """Two sheets, the people below a title; dates and dollars are typed."""
    header = ["Member ID", "First Name", "Last Name", "Zip", "Joined", "Last Ask", "Volunteer?"]
    with xlsxwriter.Workbook(path, {"remove_timezone": True}) as book:
        day, money = book.add_format({"num_format": "m/d/yyyy"}), book.add_format({"num_format": "$#,##0.00"})
        sheet = book.add_worksheet("Members")
        sheet.write(0, 0, "Members of the Elm Street Club, as of last week")
        sheet.write_row(2, 0, header)
        for place, p in enumerate(people().iter_rows(named=True), start=3):
            sheet.write_row(place, 0, [p["n"] + 1000, p["first"], p["last"], p["zip"]])
            sheet.write_datetime(place, 4, p["joined"], day)
            sheet.write_number(place, 5, p["amount"], money)
            sheet.write(place, 6, "yes" if p["n"] % 2 else "no")
        book.add_worksheet("Notes").write(0, 0, "Ask Kim before mailing.")


def _semicolons(path: Path) -> None:
    header = ["Vorname", "First", "Surname", "E-Mail", "Mobile", "Town", "Member since", "Do Not Call"]
    rows = [(n, f, last, e, ph, c, j, "Y" if n % 9 == 0 else "") for n, f, last, e, ph, c, j in
            people().select("n", "first", "last", "email", "phone", "city", "joined").iter_rows()]  # fmt: skip
    _csv(path, header, rows, ";", "cp1252")


def _utf16(path: Path) -> None:
    rows = people().select("n", "first", "last", "phone", "sex", "party").rows()
    _csv(path, ["VANID", "FirstName", "LastName", "Pref Phone ", "Sex", "Party"], rows, "\t", "utf-16")


def _parquet(path: Path) -> None:
    people().select(
        pl.col("n").cast(pl.String).str.zfill(8).alias("constituent_id"), pl.col("first").alias("fname"),
        pl.col("last").alias("lname"), pl.col("email").alias("email_address"), pl.col("born").alias("dob"),
        pl.col("zip").alias("postal_code"), (pl.col("amount") / 3_000).alias("warmth"),
    ).write_parquet(path)  # fmt: skip


def _json_lines(path: Path) -> None:
    rows = people().select(
        pl.format("rsvp-{}", "n").alias("id"), pl.struct(
            first_name="first", last_name="last", email="email", postcode="zip").alias("person"),
        pl.col("joined").cast(pl.String).alias("event_date"), pl.lit("Town Hall").alias("event_title"),
        (pl.col("n") % 4).alias("guests"),
    )  # fmt: skip
    path.write_text(rows.write_ndjson(), encoding="utf-8")


def _last_first(path: Path) -> None:
    rows = (
        people().select(pl.format('"{}, {}"', "last", "first"), "street", "city", pl.lit("OH"), "zip", "phone").rows()
    )
    _csv(path, ["Name", "Street Address", "City", "ST", "Zip Code", "Home Phone"], rows, ",", "utf-8")


def _dollars(path: Path) -> None:
    rows = [(f"G-{n:05}", f, last, e, f'"${a:,.2f}"', f"{j:%m/%d/%Y}", "Spring Gala") for n, f, last, e, a, j in
            people().select("n", "first", "last", "email", "amount", "joined").iter_rows()]  # fmt: skip
    header = ["Gift ID", "Donor First Name", "Donor Last Name", "Donor Email", "Gift Amount", "Gift Date", "Appeal"]
    _csv(path, header, rows, ",", "utf-8")


def _dotted_dates(path: Path) -> None:
    rows = [(n + 1, f, last, f"{b:%d.%m.%Y}", f"{j:%d.%m.%Y}", c) for n, f, last, b, j, c in
            people().select("n", "first", "last", "born", "joined", "city").iter_rows()]  # fmt: skip
    _csv(path, ["ID", "Given Name", "Family Name", "Birthday", "Signed On", "City"], rows, "\t", "utf-8")


def _stray_quote(path: Path) -> None:
    rows = people().select("n", "first", "last", "street", "city", "zip", "phone").rows()
    _csv(path, ["Supporter ID", 'First "Nick', "Last Name", "Address", "City", "Zip", "Cell"], rows, "|", "utf-8")


def _no_header(path: Path) -> None:
    rows = [(f"OH{n + 70_000:08}", last, f, s, street, c, "OH", z, f"{b:%m/%d/%Y}", p, e)
            for n, last, f, s, street, c, z, b, p, e in people().select(
                "n", "last", "first", "sex", "street", "city", "zip", "born", "party", "email").iter_rows()]  # fmt: skip
    _csv(path, [], rows, ",", "utf-8")


STRANGE = {
    "club.xlsx": Strange(write_workbook, {
        "Member ID": "key", "First Name": "first_name", "Last Name": "last_name", "Zip": "zip5", "Joined": None,
        "Last Ask": None, "Volunteer?": None}),
    "crm_export_20120901.csv": Strange(_semicolons, {
        "Vorname": None, "First": "first_name", "Surname": "last_name", "E-Mail": "email", "Mobile": "phone",
        "Town": "city", "Member since": None, "Do Not Call": "suppression"}),
    "canvass list.xls": Strange(_utf16, {
        "VANID": "van_id", "FirstName": "first_name", "LastName": "last_name", "Pref Phone": "phone", "Sex": "sex",
        "Party": "party"}),
    "warehouse.parquet": Strange(_parquet, {
        "constituent_id": "key", "fname": "first_name", "lname": "last_name", "email_address": "email",
        "dob": "birth_date", "postal_code": "zip5", "warmth": None}),
    "rsvps.jsonl": Strange(_json_lines, {
        "id": "key", "person.first_name": "first_name", "person.last_name": "last_name", "person.email": "email",
        "person.postcode": "zip5", "event_date": None, "event_title": None, "guests": None}),
    "walk.csv": Strange(_last_first, {
        "Name": "first_name and last_name", "Street Address": "address", "City": "city", "ST": "state",
        "Zip Code": "zip5", "Home Phone": "phone"}),
    "gala gifts.csv": Strange(_dollars, {
        "Gift ID": "key", "Donor First Name": "first_name", "Donor Last Name": "last_name", "Donor Email": "email",
        "Gift Amount": "gift.amount", "Gift Date": "gift.given_on", "Appeal": None}, gifts=PEOPLE),
    "petition.tsv": Strange(_dotted_dates, {
        "ID": "key", "Given Name": "first_name", "Family Name": "last_name", "Birthday": "birth_date",
        "Signed On": None, "City": "city"}),
    "old crm.txt": Strange(_stray_quote, {
        "Supporter ID": "key", 'First "Nick': "first_name", "Last Name": "last_name", "Address": "address",
        "City": "city", "Zip": "zip5", "Cell": "phone"}),
    "from the state.txt": Strange(_no_header, {
        "column 1": "state_voter_id", "column 2": "last_name", "column 3": "first_name", "column 4": "sex",
        "column 5": "address", "column 6": "city", "column 7": "state", "column 8": "zip5", "column 9": "birth_date",
        "column 10": "party", "column 11": "email"}),
}  # fmt: skip


def write_all(folder: Path) -> None:
    """Write the ten files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, strange in STRANGE.items():
        strange.write(folder / name)
