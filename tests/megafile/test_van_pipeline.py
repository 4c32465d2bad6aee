"""VAN's pipeline: code numbers in words, names however a warehouse writes them, two numberings kept apart."""

import datetime

import polars as pl
import pytest

from campaignkit import Megafile
from campaignkit.errors import BadValue, ColumnNotFound
from campaignkit.megafile import van_pipeline

TABLES = {
    "Contacts": {
        "VanID": [17, 18], "FirstName": ["Ann", "Bob"], "LastName": ["Lee", "Hale"], "EmailID": [5, None],
        "MAddressID": [7, None], "PhoneID": [None, 9], "DOB": ["1970-02-03T00:00:00", None],
    },
    "ContactsEmails": {"ContactsEmailID": [5], "Email": ["ann@example.org"]},
    "ContactsAddresses": {
        "ContactsAddressID": [7], "AddressLine1": ["1 Elm St"], "City": ["Akron"], "State": ["OH"], "Zip5": ["44301"],
    },
    "ContactsPhones": {"ContactsPhoneID": [9], "Phone": ["2165550123"]},
    "ContactsContacts": {
        "ContactsContactID": [1, 2], "VanID": [17, 18], "DateCanvassed": ["2012-10-01 18:30:00", "2012-10-02 09:00:00"],
        "ResultID": [14, 2], "ContactTypeID": [2, 1], "CanvassedBy": [3, 4],
    },
    "Results": {"ResultID": [14, 2], "ResultShortName": ["Canvassed", "Refused"]},
    "ContactTypes": {"ContactTypeID": [1, 2], "ContactTypeName": ["Phone", "Walk"]},
    "Users": {"UserID": [3], "UserName": ["jo"]},
    "ContactsSurveyResponses": {
        "ContactsSurveyResponseID": [1], "VanID": [17], "DateCanvassed": ["2012-10-01"], "SurveyQuestionID": [6],
        "SurveyResponseID": [61],
    },
    "SurveyQuestions": {"SurveyQuestionID": [6], "SurveyQuestionName": ["Support"]},
    "SurveyResponses": {"SurveyResponseID": [61], "SurveyResponseName": ["Strong"]},
    "ContactsActivistCodes": {
        "ContactsActivistCodeID": [1], "VanID": [18], "ActivistCodeID": [8], "DateCreated": ["2012-09-30"],
    },
    "ActivistCodes": {"ActivistCodeID": [8], "ActivistCodeName": ["Yard sign"]},
    "EventSignups": {
        "EventSignupID": [1, 2], "VanID": [17, 18], "EventID": [4, 4],
        "DateTimeOffsetBegin": ["2012-10-03T09:00:00-04:00"] * 2, "DateTimeOffsetEnd": ["2012-10-03T12:00:00-04:00"] * 2,
    },
    "EventSignupsStatuses": {
        "EventSignupID": [1, 1, 2], "EventStatusName": ["Scheduled", "Completed", "No Show"],
        "DateModified": ["2012-10-01", "2012-10-03", "2012-10-03"],
    },
    "Events": {"EventID": [4], "EventName": ["Phone bank"]},
}  # fmt: skip


def named(style, side=""):
    sides = {"contacts", "contactscontacts", "contactssurveyresponses", "contactsactivistcodes"}
    return {
        style(name) + (side if name.lower() in sides else ""): pl.DataFrame(columns, strict=False)
        for name, columns in TABLES.items()
    }


STYLES = {
    "as VAN writes them": lambda name: name,
    "prefixed, small": lambda name: f"van.tsm_nextgen_{name.lower()}",
    "upper prefix": lambda name: f"CTARAA_{name}",
    "underscores": lambda name: "".join(f"_{c.lower()}" if c.isupper() else c for c in name).strip("_"),
}


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_names_are_known_however_a_warehouse_writes_them(style):
    made = van_pipeline(named(style))
    assert {name: table.height for name, table in made.items()} == {
        "van people": 2, "van contact history": 2, "van survey responses": 1, "van activist codes": 1, "van shifts": 1,
    }  # fmt: skip
    assert made["van shifts"].row(0) == ("1", "17", "2012-10-03", "Phone bank", "3.0")
    assert made["van contact history"]["contacted_by"].to_list() == ["jo", "4"]


@pytest.fixture(scope="module")
def megafile(tmp_path_factory):
    tables = named(STYLES["prefixed, small"], "_vf")
    path = tmp_path_factory.mktemp("van") / "van.duckdb"
    with Megafile.build(van_pipeline(tables), path, as_of="2012-10-05", model=False, progress=False) as built:
        yield built


def test_a_megafile_is_built_of_them(megafile):
    people = megafile.universe().people("first_name", "email", "phone", "van_id", "birth_date").sort("first_name")
    assert people.rows() == [
        ("Ann", "ann@example.org", None, "17", datetime.date(1970, 2, 3)), ("Bob", None, "+12165550123", "18", None),
    ]  # fmt: skip
    assert megafile.universe("answered('Support', 'Strong')").people("first_name")["first_name"].to_list() == ["Ann"]
    assert megafile.universe("activist_code('Yard sign')").people("first_name")["first_name"].to_list() == ["Bob"]
    assert megafile.sql("SELECT hours FROM volunteer_shift").item() == 3.0


def test_a_refusal_among_the_results_closes_the_phone(megafile):
    assert megafile.universe("suppressed('phone')").people("first_name")["first_name"].to_list() == ["Bob"]


def test_a_result_that_has_no_word_is_no_silence(tmp_path):
    tables = named(STYLES["as VAN writes them"])
    tables["Results"] = tables["Results"].filter(pl.col("ResultID") == 14)  # the refusal's word is missing
    made = van_pipeline(tables)
    assert made["van contact history"]["result"].to_list() == ["Canvassed", "resultid 2"]
    with Megafile.build(made, tmp_path / "v.duckdb", as_of="2012-10-05", model=False, progress=False) as built:
        bob = built.universe("state IS NULL")
        assert bob.call_list("phone", "turnout").table.is_empty()
        assert bob.call_list("phone", "turnout").funnel.filter(step="unknown result")["removed"].item() == 1
    with pytest.warns(UserWarning, match="emailids but no table 'contactsemails'"):
        van_pipeline({name: table for name, table in tables.items() if name != "ContactsEmails"})


def test_my_campaigns_numbers_are_not_my_voters():
    voters, campaign = named(STYLES["prefixed, small"], "_vf"), named(STYLES["prefixed, small"], "_mym")
    made = van_pipeline({**voters, **campaign})
    people = made["van people"].select("van_key", "van_id").rows()
    assert people == [("17", "17"), ("18", "18"), ("MyCampaign 17", None), ("MyCampaign 18", None)]
    assert made["van contact history"]["van_key"].to_list() == ["17", "18", "MyCampaign 17", "MyCampaign 18"]


def test_a_state_code_makes_the_key_a_state_and_a_number():
    tables = named(STYLES["as VAN writes them"], "_VF")
    tables["Contacts_VF"] = tables["Contacts_VF"].with_columns(StateCode=pl.Series(["OH", "NC"]))
    people = van_pipeline(tables)["van people"].select("van_key", "van_id", "van_state").rows()
    assert people == [("OH|17", "17", "OH"), ("NC|18", "18", "NC")]


def test_what_is_missing_is_said():
    tables = named(STYLES["as VAN writes them"])
    with pytest.raises(BadValue, match="resultids but no table 'results'"):
        van_pipeline({name: table for name, table in tables.items() if name != "Results"})
    with pytest.raises(BadValue, match="'eventsignupsstatuses' too"):
        van_pipeline({name: table for name, table in tables.items() if name != "EventSignupsStatuses"})
    with pytest.raises(ColumnNotFound, match="'resultshortname'"):
        van_pipeline({**tables, "Results": tables["Results"].drop("ResultShortName")})
    with pytest.raises(BadValue, match="one more table 'results'"):
        van_pipeline({**tables, "tsm_results": tables["Results"]})
    with pytest.raises(BadValue, match="None of 'turf' is a table"):
        van_pipeline({"turf": tables["Results"]})
    with pytest.warns(UserWarning, match="Not read.*turf"):
        van_pipeline({**tables, "turf": tables["Results"]})
