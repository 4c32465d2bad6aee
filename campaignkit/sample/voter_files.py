"""The state voter files, VAN's export and its reports, in their own layouts."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from campaignkit.sample.outreach import QUESTION
from campaignkit.sample.people import scramble
from campaignkit.sample.sinks import Format

OH_FIXED = """SOS_VOTERID,COUNTY_NUMBER,COUNTY_ID,LAST_NAME,FIRST_NAME,MIDDLE_NAME,SUFFIX,DATE_OF_BIRTH,
REGISTRATION_DATE,VOTER_STATUS,PARTY_AFFILIATION,RESIDENTIAL_ADDRESS1,RESIDENTIAL_SECONDARY_ADDR,RESIDENTIAL_CITY,RESIDENTIAL_STATE,
RESIDENTIAL_ZIP,RESIDENTIAL_ZIP_PLUS4,RESIDENTIAL_COUNTRY,RESIDENTIAL_POSTALCODE,MAILING_ADDRESS1,
MAILING_SECONDARY_ADDRESS,MAILING_CITY,MAILING_STATE,MAILING_ZIP,MAILING_ZIP_PLUS4,MAILING_COUNTRY,MAILING_POSTAL_CODE,
CAREER_CENTER,CITY,CITY_SCHOOL_DISTRICT,COUNTY_COURT_DISTRICT,CONGRESSIONAL_DISTRICT,COURT_OF_APPEALS,
EDU_SERVICE_CENTER_DISTRICT,EXEMPTED_VILL_SCHOOL_DISTRICT,LIBRARY,LOCAL_SCHOOL_DISTRICT,MUNICIPAL_COURT_DISTRICT,
PRECINCT_NAME,PRECINCT_CODE,STATE_BOARD_OF_EDUCATION,STATE_REPRESENTATIVE_DISTRICT,STATE_SENATE_DISTRICT,TOWNSHIP,
VILLAGE,WARD"""
OH_ELECTIONS = [
    "PRIMARY-03/07/2000", "GENERAL-11/07/2000", "SPECIAL-05/08/2001", "PRIMARY-03/02/2004", "GENERAL-11/02/2004",
    "GENERAL-11/07/2006", "PRIMARY-03/04/2008", "GENERAL-11/04/2008", "PRIMARY-05/04/2010", "GENERAL-11/02/2010",
    "PRIMARY-03/06/2012",
]  # fmt: skip
NC_VOTER = """county_id,county_desc,voter_reg_num,ncid,last_name,first_name,middle_name,name_suffix_lbl,status_cd,
voter_status_desc,reason_cd,voter_status_reason_desc,res_street_address,res_city_desc,state_cd,zip_code,mail_addr1,
mail_addr2,mail_addr3,mail_addr4,mail_city,mail_state,mail_zipcode,full_phone_number,confidential_ind,registr_dt,
race_code,ethnic_code,party_cd,gender_code,birth_year,age_at_year_end,birth_state,drivers_lic,precinct_abbrv,
precinct_desc,municipality_abbrv,municipality_desc,ward_abbrv,ward_desc,cong_dist_abbrv,super_court_abbrv,
judic_dist_abbrv,nc_senate_abbrv,nc_house_abbrv,county_commiss_abbrv,county_commiss_desc,township_abbrv,township_desc,
school_dist_abbrv,school_dist_desc,fire_dist_abbrv,fire_dist_desc,water_dist_abbrv,water_dist_desc,sewer_dist_abbrv,
sewer_dist_desc,sanit_dist_abbrv,sanit_dist_desc,rescue_dist_abbrv,rescue_dist_desc,munic_dist_abbrv,munic_dist_desc,
dist_1_abbrv,dist_1_desc,vtd_abbrv,vtd_desc"""
NC_HISTORY = """county_id,county_desc,voter_reg_num,election_lbl,election_desc,voting_method,voted_party_cd,
voted_party_desc,pct_label,pct_description,ncid,voted_county_id,voted_county_desc,vtd_label,vtd_description"""
VAN_VOTERS = """CanvassFileRequestID,VanID,County,Phone,PhoneDialingPrefix,PhoneCountryCode,Address,StateFileID,
CountyFileID,FirstName,LastName,StreetNo,StreetName,City,State,ZipCode,StateOrProvince,ZipOrPostal,VAddressLatitude,
VAddressLongitude,Email,HomePhone,HomePhoneDialingPrefix,HomePhoneCountryCode,CellPhone,CellPhoneDialingPrefix,
CellPhoneCountryCode,WorkPhone,WorkPhoneDialingPrefix,WorkPhoneCountryCode,Sex,Party,DOB,CongressionalDistrict,
StateSenate,StateHouse,PollingLocation,PollingAddress,PollingCity,PollingZip,PermanentAbsentee,VoterVANID,
MyCampaignID"""
VAN_CONTACTS = """Voter File VANID,Contact Name,Date Canvassed,Result,Contact Type,Canvassed By,Created By,Date Created,
Input Type Name,MiniVAN Campaign"""
VAN_ANSWERS = """Voter File VANID,Contact Name,Date Canvassed,Survey Response,Survey Question Name,
Survey Question Type,Canvassed By,Contact Type"""


def columns(text: str) -> list[str]:
    """Return the column names of a header as it stands in the reference."""
    return text.replace("\n", "").split(",")


def _van(name: str, header: str) -> Format:
    member = "ContactHistory.xls" if "contact" in name else "SurveyResponse.xls"
    return Format(name, columns(header), member, delimiter="\t", encoding="utf-16")


FORMATS = {
    "oh_voter": Format("OH_SWVF_20121001.zip", columns(OH_FIXED) + OH_ELECTIONS, "SWVF_ALL.txt", quoting="always"),
    "nc_voter": Format(
        "NC_ncvoter_Statewide_20121001.zip", columns(NC_VOTER), "ncvoter_Statewide.txt", "\t", "always",
        encoding="cp1252", broken=(("\t".join(['"99"'] * 70), "too many fields"),),
    ),
    "nc_history": Format(
        "NC_ncvhis_Statewide_20121001.zip", columns(NC_HISTORY), "ncvhis_Statewide.txt", "\t", "always",
        encoding="cp1252",
    ),
    "van_voters": Format(
        "van_voters_20121001.csv.gz", columns(VAN_VOTERS), broken=(("0,00000000,Nowhere", "too few fields"),)
    ),
    "van_contacts": _van("van_contact_history_20121001.zip", VAN_CONTACTS),
    "van_answers": _van("van_survey_response_20121001.zip", VAN_ANSWERS),
}  # fmt: skip


def voter_keys(people: pl.DataFrame) -> pl.DataFrame:
    """Return each person's state voter id, county registration number and VanID (of which VAN itself has two)."""
    number = pl.Series("number", scramble(people["person"].to_numpy(), factor=4_812_911))
    county = people["county_number"].fill_null(0)
    letters = (
        pl.select((county // 10 + 65).cast(pl.Int64))
        .to_series()
        .replace_strict(range(65, 91), list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    )
    ohio = people["state"] == "OH"
    table = pl.DataFrame({"ohio": ohio, "number": number, "letters": letters, "county": county})
    return table.select(
        state_voter_id=pl.when("ohio")
        .then(pl.lit("OH") + (pl.col("number") + 10_000_000).cast(pl.String).str.zfill(10))
        .otherwise(pl.col("letters") + pl.lit("A") + pl.col("number").cast(pl.String)),
        county_voter_id=(pl.col("number") % 99_991 * 100 + pl.col("county")).cast(pl.String),
        van_id=pl.Series(scramble(people["person"].to_numpy(), factor=9_112_357) + 1_000_000).cast(pl.String),
    )  # fmt: skip


def _fill(frame: pl.DataFrame, header: list[str], values: dict[str, object]) -> pl.DataFrame:
    """Return a column for each name of the header: an expression, a constant, or nothing."""
    made = []
    for name in header:
        value = values.get(name)
        made.append((value if isinstance(value, pl.Expr) else pl.lit(value, dtype=pl.String)).alias(name))
    return frame.select(pl.repeat(None, pl.len(), dtype=pl.String).alias("\0"), *made).drop("\0")


def ohio(voters: pl.DataFrame, ballots: pl.DataFrame) -> pl.DataFrame:
    """Return Ohio's wide file: one row per voter, one column per election."""
    wide = _wide(voters, ballots)
    col = pl.col
    values = {
        "SOS_VOTERID": col("state_voter_id"),
        "COUNTY_NUMBER": col("county_number").cast(pl.String).str.zfill(2),
        "COUNTY_ID": col("county_voter_id"),
        "LAST_NAME": col("last_name"), "FIRST_NAME": col("first_name"), "MIDDLE_NAME": col("middle_name"),
        "SUFFIX": col("suffix"),
        "DATE_OF_BIRTH": col("birth_date").cast(pl.String),
        "REGISTRATION_DATE": col("registered_on").cast(pl.String),
        "VOTER_STATUS": pl.when("inactive").then(pl.lit("CONFIRMATION")).otherwise(pl.lit("ACTIVE")),
        "PARTY_AFFILIATION": col("last_primary"),
        "RESIDENTIAL_ADDRESS1": col("street_line"), "RESIDENTIAL_SECONDARY_ADDR": col("unit"),
        "RESIDENTIAL_CITY": col("city"), "RESIDENTIAL_STATE": "OH", "RESIDENTIAL_ZIP": col("zip5"),
        "CITY": col("city") + pl.lit(" CITY"),
        "CONGRESSIONAL_DISTRICT": (col("county_number") % 16 + 1).cast(pl.String).str.zfill(2),
        "PRECINCT_NAME": pl.lit("PRECINCT ") + col("precinct").cast(pl.String),
        "PRECINCT_CODE": col("county_number").cast(pl.String).str.zfill(2)
        + col("precinct").cast(pl.String).str.zfill(3),
        "STATE_REPRESENTATIVE_DISTRICT": (col("county_number") % 99 + 1).cast(pl.String).str.zfill(2),
        "STATE_SENATE_DISTRICT": (col("county_number") % 33 + 1).cast(pl.String).str.zfill(2),
        **{name: col(name) for name in OH_ELECTIONS},
    }  # fmt: skip
    return _fill(wide, FORMATS["oh_voter"].header, values)


def _wide(voters: pl.DataFrame, ballots: pl.DataFrame) -> pl.DataFrame:
    for name in OH_ELECTIONS:
        kind, date = name.split("-")
        on = dt.datetime.strptime(date, "%m/%d/%Y").date()
        here = ballots.filter((pl.col("election_date") == on) & (pl.col("election_type") == kind.lower()))
        voters = voters.join(
            here.select("person", pl.col("party").fill_null("X").alias(name)), on="person", how="left",
            maintain_order="left",
        ) if len(here) else voters.with_columns(pl.lit(None, dtype=pl.String).alias(name))  # fmt: skip
    return voters


_RACE = {"white": "W", "black": "B", "hispanic": "O", "asian": "A", "other": "O"}
_PARTY = {"D": "DEM", "R": "REP", "U": "UNA"}


def carolina(rng: np.random.Generator, voters: pl.DataFrame) -> pl.DataFrame:
    """Return North Carolina's file: names and addresses padded, birth years only, some dates masked."""
    col = pl.col
    precinct = col("precinct").cast(pl.String)
    kept = lambda yes, no: pl.when("inactive").then(pl.lit(yes)).otherwise(pl.lit(no))  # noqa: E731
    padded = lambda name, width: col(name).fill_null("").str.pad_end(width)  # noqa: E731
    masked = pl.Series(rng.random(len(voters)) < 0.003)
    date = pl.when(masked).then(pl.lit("##/##/####")).otherwise(col("registered_on").dt.strftime("%m/%d/%Y"))
    street = pl.concat_str("street_line", col("unit").str.replace("APT ", "# "), separator="  ", ignore_nulls=True)
    values = {
        "county_id": col("county_number").cast(pl.String), "county_desc": col("county").str.to_uppercase(),
        "voter_reg_num": col("county_voter_id").str.zfill(12), "ncid": col("state_voter_id"),
        "last_name": col("last_name").str.pad_end(25), "first_name": col("first_name").str.pad_end(20),
        "middle_name": padded("middle_name", 20), "name_suffix_lbl": padded("suffix", 3),
        "status_cd": kept("I", "A"),
        "voter_status_desc": kept("INACTIVE", "ACTIVE"),
        "reason_cd": kept("IN", "AV"),
        "voter_status_reason_desc": kept("CONFIRMATION NOT RETURNED", "VERIFIED"),
        "res_street_address": pl.when("confidential").then(None).otherwise(street.str.pad_end(65)),
        "res_city_desc": col("city").str.pad_end(20), "state_cd": "NC", "zip_code": col("zip5").str.pad_end(9),
        "full_phone_number": pl.when("file_phone").then("phone"),
        "confidential_ind": pl.when("confidential").then(pl.lit("Y")).otherwise(pl.lit("N")),
        "registr_dt": date,
        "race_code": col("race").replace_strict(_RACE),
        "ethnic_code": pl.when(col("race") == "hispanic").then(pl.lit("HL")).otherwise(pl.lit("NL")),
        "party_cd": col("party").replace_strict(_PARTY), "gender_code": col("sex"),
        "birth_year": col("birth_year").cast(pl.String),
        "age_at_year_end": (2012 - col("birth_year")).cast(pl.String), "birth_state": "NC", "drivers_lic": "Y",
        "precinct_abbrv": precinct.str.zfill(3), "precinct_desc": pl.lit("PRECINCT ") + precinct,
        "municipality_desc": col("city"),
        "cong_dist_abbrv": (col("county_number") % 13 + 1).cast(pl.String),
        "nc_senate_abbrv": (col("county_number") % 50 + 1).cast(pl.String),
        "nc_house_abbrv": (col("county_number") % 120 + 1).cast(pl.String),
        "vtd_abbrv": col("precinct").cast(pl.String).str.zfill(3),
    }  # fmt: skip
    return _fill(voters, FORMATS["nc_voter"].header, values)


_METHOD = {"polls": "IN-PERSON", "early": "ABSENTEE ONESTOP", "mail": "ABSENTEE BY MAIL"}
_RELABELLED = {"IN-PERSON": "ELECTION DAY IN-PERSON", "ABSENTEE ONESTOP": "EARLY VOTING IN-PERSON"}


def carolina_history(rng: np.random.Generator, voters: pl.DataFrame, ballots: pl.DataFrame) -> pl.DataFrame:
    """Return North Carolina's long history; 1.5% of ballots stand there twice, the second time relabelled."""
    keys = voters.select("person", "county_number", "county", "county_voter_id", "state_voter_id", "precinct")
    mine = ballots.join(keys, on="person", how="inner", maintain_order="left")
    mine = mine.with_columns(method=pl.col("method").replace_strict(_METHOD))
    again = mine.filter(pl.Series(rng.random(len(mine)) < 0.015)).with_columns(pl.col("method").replace(_RELABELLED))
    again = again.filter(pl.col("method").is_in(list(_RELABELLED.values())))
    table = pl.concat([mine, again])
    col = pl.col
    precinct = col("precinct").cast(pl.String).str.zfill(3)
    party = col("party").replace_strict(_PARTY, default="UNA").fill_null("UNA")
    values = {
        "county_id": col("county_number").cast(pl.String), "county_desc": col("county").str.to_uppercase(),
        "voter_reg_num": col("county_voter_id").str.zfill(12),
        "election_lbl": col("election_date").dt.strftime("%m/%d/%Y"),
        "election_desc": col("election_date").dt.strftime("%m/%d/%Y ") + col("election_type").str.to_uppercase(),
        "voting_method": col("method"), "voted_party_cd": party,
        "voted_party_desc": party.replace_strict({"DEM": "DEMOCRATIC", "REP": "REPUBLICAN", "UNA": "UNAFFILIATED"}),
        "pct_label": precinct, "pct_description": pl.lit("PRECINCT ") + col("precinct").cast(pl.String),
        "ncid": col("state_voter_id"), "voted_county_id": col("county_number").cast(pl.String),
        "voted_county_desc": col("county").str.to_uppercase(), "vtd_label": precinct, "vtd_description": precinct,
    }  # fmt: skip
    return _fill(table, FORMATS["nc_history"].header, values)


def van_voters(rng: np.random.Generator, voters: pl.DataFrame) -> pl.DataFrame:
    """Return VAN's export of both states; it has a phone for 55% and full birth dates."""
    col = pl.col
    phone = pl.when("van_phone").then("phone")
    cell = pl.Series(rng.random(len(voters)) < 0.5)
    title = lambda name: col(name).str.to_titlecase()  # noqa: E731
    values = {
        "CanvassFileRequestID": "71402", "VanID": col("van_id"), "County": col("county"), "Phone": phone,
        "PhoneDialingPrefix": pl.when("van_phone").then(pl.lit("1")), "Address": title("address"),
        "StateFileID": col("state_voter_id"),
        "FirstName": title("first_name"), "LastName": title("last_name"),
        "StreetNo": col("street_line").str.extract(r"^(\d+)"),
        "StreetName": title("street_line").str.replace(r"^\d+ ", ""),
        "City": title("city"), "State": col("state"), "ZipCode": col("zip5"), "StateOrProvince": col("state"),
        "ZipOrPostal": col("zip5"), "HomePhone": pl.when(~cell).then(phone), "CellPhone": pl.when(cell).then(phone),
        "Sex": col("sex"), "Party": col("party"), "DOB": col("birth_date").cast(pl.String),
        "CongressionalDistrict": (col("county_number") % 13 + 1).cast(pl.String).str.zfill(3),
        "PermanentAbsentee": "0", "VoterVANID": col("van_id"),
    }  # fmt: skip
    return _fill(voters, FORMATS["van_voters"].header, values)


def van_contacts(scripts: pl.DataFrame, doors: pl.DataFrame, voters: pl.DataFrame) -> pl.DataFrame:
    """Return VAN's report of calls and visits."""
    names = voters.select("person", "van_id", "first_name", "last_name")
    calls = scripts.drop_nulls("result").select(
        "person",
        "result",
        contacted_on="called_on",
        kind=pl.lit("Phone"),
        by=pl.lit("Caller ") + pl.col("caller_id"),
    )
    visits = doors.select("person", "result", "contacted_on", kind=pl.lit("Walk"), by=pl.lit("Canvasser 12"))
    table = pl.concat([calls, visits]).join(names, on="person", how="inner", maintain_order="left")
    date = pl.col("contacted_on").dt.strftime("%m/%d/%Y")
    values = {
        "Voter File VANID": pl.col("van_id"), "Contact Name": _full_name(), "Date Canvassed": date,
        "Result": pl.col("result"), "Contact Type": pl.col("kind"), "Canvassed By": pl.col("by"),
        "Created By": "VAN API", "Date Created": date,
        "Input Type Name": pl.when(pl.col("kind") == "Phone").then(pl.lit("VPB")).otherwise(pl.lit("MiniVAN")),
    }  # fmt: skip
    return _fill(table, FORMATS["van_contacts"].header, values)


def van_answers(scripts: pl.DataFrame, surveys: pl.DataFrame, voters: pl.DataFrame) -> pl.DataFrame:
    """Return VAN's report of answers: the follow-up of the call experiment, and its own survey."""
    names = voters.select("person", "van_id", "first_name", "last_name")
    after = scripts.filter("answered").select(
        "person", "asked_on", question=pl.lit("Follow-up: supports our candidate"),
        answer=pl.when("supports_after").then(pl.lit("Yes")).otherwise(pl.lit("No")), kind=pl.lit("Phone"),
    )  # fmt: skip
    asked = pl.col("question") if "question" in surveys.columns else pl.lit(QUESTION)
    own = surveys.filter(pl.col("stream") == "van").select(
        "person", "asked_on", "answer", question=asked, kind=pl.lit("Walk")
    )
    table = pl.concat([after, own.select(after.columns)]).join(names, on="person", how="inner", maintain_order="left")
    values = {
        "Voter File VANID": pl.col("van_id"), "Contact Name": _full_name(),
        "Date Canvassed": pl.col("asked_on").dt.strftime("%m/%d/%Y"), "Survey Response": pl.col("answer"),
        "Survey Question Name": pl.col("question"), "Survey Question Type": "Candidate", "Canvassed By": "Survey team",
        "Contact Type": pl.col("kind"),
    }  # fmt: skip
    return _fill(table, FORMATS["van_answers"].header, values)


def _full_name() -> pl.Expr:
    return pl.concat_str(pl.col("last_name", "first_name").str.to_titlecase(), separator=", ")
