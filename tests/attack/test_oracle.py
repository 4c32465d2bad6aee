"""The oracle by hand: what closes who, and what ends it."""

from __future__ import annotations

from tests.attack.oracle import Oracle
from tests.attack.town import COLUMNS, Town


def row(source: str, *cells: str) -> dict[str, str]:
    return dict(zip(COLUMNS[source], cells, strict=True))


def van(van_id: str, first: str, phone: str) -> dict[str, str]:
    return row(
        "van",
        "1",
        van_id,
        "9",
        first,
        "Lee",
        "9 Elm Rd",
        "Ohio City",
        "FL",
        "32301",
        "Leon",
        phone,
        "",
        "F",
        "",
        van_id,
    )


def contact(van_id: str, result: str, channel: str) -> dict[str, str]:
    return row("contacts", van_id, "", "09/01/2012", result, channel, "", "", "", "", "")


def called(first: str, phone: str) -> dict[str, str]:
    return {"first_name": first, "last_name": "Lee", "phone": phone}


def mailed(email: str) -> dict[str, str]:
    return {"first_name": "Ann", "last_name": "Lee", "email": email}


def test_a_number_is_closed_for_whoever_has_it_however_it_and_the_van_id_are_written():
    oracle = Oracle()
    oracle.take("van", [van("77", "Ann", "(850) 555-0100"), van("78", "Bo", "8505550101")])
    oracle.take("contacts", [contact("077.0", "Wrong Number", "Phone")])
    oracle.settle()
    assert oracle.suppressed("phone", [called("Bo", "18505550100"), called("Ann", "8505550101")]) == [
        "bo lee at 8505550100"
    ]
    assert oracle.suppressed("text", [{"VanID": "77"}, {"VanID": "78"}]) == ["77"]


def test_it_stays_closed_when_later_exports_lack_the_refusal_and_the_refuser():
    oracle = Oracle()
    oracle.take("van", [van("77", "Ann", "8505550100")])
    oracle.take("contacts", [contact("77", "Hostile", "Paid Phone")])
    oracle.settle()
    oracle.take("van", [van("78", "Bo", "8505550101")])
    oracle.take("contacts", [])
    oracle.settle()
    assert oracle.suppressed("phone", [called("Ann", "8505550100")])


def test_an_unsubscribe_ends_by_a_later_word_only():
    oracle = Oracle()
    supporter = dict.fromkeys(COLUMNS["supporters"], "") | {"supporter_id": "S1", "email": "ann@x.org"}
    oracle.take("supporters", [supporter])
    oracle.take("unsubscribers", [row("unsubscribers", " ANN@x.org", "", "", "", "2012-05-01")])
    oracle.take(
        "joined", [row("joined", "S1", "email_list", "2012-04-30"), row("joined", "S1", "quick_donate", "2012-08-01")]
    )
    oracle.settle()
    assert oracle.suppressed("email", [mailed("ann@x.org")])
    oracle.take("joined", [row("joined", "S1", "email_list", "2012-06-01")])
    oracle.settle()
    assert not oracle.suppressed("email", [mailed("ann@x.org")])


def test_a_town_refuses_in_every_way_and_is_the_same_for_its_seed():
    towns = [Town(seed) for seed in range(40)]
    assert Town(3).told("van") == Town(3).told("van")
    for source in ("contacts", "unsubscribers", "events", "texts", "joined", "fec"):
        assert any(town.rows[source] for town in towns), source
    assert any(person.confidential for town in towns for person in town.people)
    phones = [person.phone for person in towns[0].people]
    assert len(set(phones)) < len(phones)


def test_only_the_refusers_own_later_yes_by_that_number_ends_a_no_that_a_contact_came_to():
    supporters = [
        row("supporters", f"S{at}", first, "", "Lee", "", "", "8505550100", "", "", "FL", "32301", "", "", "", "")
        for at, first in ((1, "Ann"), (2, "Bo"))
    ]
    for who, day, result, closed in (
        ("S1", "2012-10-01", "Refused", False),
        ("S1", "2012-08-01", "Refused", True),  # before the no
        ("S2", "2012-10-01", "Refused", True),  # somebody else's
        ("S1", "2012-10-01", "Wrong Number", True),  # nobody's to take back
    ):
        oracle = Oracle()
        oracle.take("van", [van("77", "Ann", "8505550100")])
        oracle.take("supporters", supporters)
        oracle.take("contacts", [contact("77", result, "SMS Text")])
        oracle.take("texts", [row("texts", who, "8505550100", "yes", day)])
        oracle.settle()
        assert bool(oracle.suppressed("text", [called("Bo", "8505550100")])) is closed, (who, day, result)
