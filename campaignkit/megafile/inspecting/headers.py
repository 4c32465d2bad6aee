"""What a column's name says that it is: the names that voter files, CRMs and spreadsheets give to the same things."""

from __future__ import annotations

import re
from dataclasses import dataclass

from campaignkit.megafile.ingest.clean import STATES

#: What each meaning is called, in words without punctuation. A meaning is a column of source_record, or one of
#: `name` (a whole name), `key`, `person_key`, `amount`, `given_on`, `last_vote` and the parts of an address.
NAMES: dict[str, str] = {
    "first_name": "first name|first|fname|f name|given name|forename|name first|first nm|firstname",
    "middle_name": "middle name|middle|mname|m name|middle initial|mi|name middle|middlename|middle nm",
    "last_name": "last name|last|lname|l name|surname|family name|name last|lastname|last nm",
    "suffix": "suffix|name suffix|namesuffix|suffix name",
    "name": "name|full name|fullname|last first|name last first|contact name|voter name|donor name|"
            "last name first name",
    "birth_date": "birth date|birthdate|date of birth|dob|birthday|born|born on|date birth",
    "birth_year": "birth year|birthyear|year of birth|yob|year born",
    "sex": "sex|gender",
    "race": "race|ethnicity",
    "party": "party|party affiliation|political party|party code|registered party|affiliation|enrollment|parties",
    "address": "address|address 1|address line 1|street address|addr|addr 1|addr1|address1|street|address line|"
               "street 1|street line 1|full address",
    "unit": "unit|apt|apartment|address 2|address line 2|addr 2|addr2|address2|apt number|unit number|secondary addr|"
            "extension|secondary address|apartment number|street 2|apt unit no",
    "city": "city|town|city name|municipality city|post town",
    "state": "state|st|state code|province state|state province",
    "zip5": "zip|zip code|zipcode|zip 5|zip5|postal code|postcode|zip or postal|post code",
    "county": "county|county name|county code|county number|countycode|county desc",
    "precinct": "precinct|precinct code|precinct name|ward precinct|precinct id",
    "cd": "cd|congressional district|congressional|cong dist|us congress district|us house|us congress|"
          "congressional dist",
    "sd": "sd|state senate district|senate district|state senate|senate|sen dist|upper house dist|upper house district",
    "hd": "hd|state house district|house district|state house|state representative district|house|hse dist|"
          "legislative district|assembly district|lower house dist|lower house district|voting district",
    "phone": "phone|phone number|telephone|tel|phone num|mobile|cell|cell phone|mobile phone|home phone|phone 1|"
             "full phone number|mobile number|phone no|cellphone|homephone",
    "email": "email|email address|e mail|mail address electronic|emailaddress|email addr|e mail address",
    "state_voter_id": "voter id|state voter id|ncid|sos voter id|sos voterid|state file id|statevoterid|voterid|"
                      "registration number|"
                      "voter registration number|state voter ref|voter reg num|affidavit|voter identification number",
    "voter_status": "voter status|status|registration status|reg status|voter status code",
    "registered_on": "registration date|registered on|reg date|registered|date of registration|registr dt|regdate|"
                     "date registered|registrationdate",
    "van_id": "vanid|van id|voter file vanid|voter vanid|my campaign id|mycampaignid|voterfilevanid",
    "confidential": "confidential|confidential ind|protected|confidential voter",
    "key": "id|member id|supporter id|contact id|record id|constituent id|account id|person id|unique id|external id|"
           "receipt id|gift id|contribution id|transaction id|donation id|pledge id|order id|entry id|row id|"
           "registration id|response id|respondent id|guest id|attendee id|key|number|no|receipt number",
    "person_key": "donor id|donor number|donorid|constituent number",
    "amount": "amount|gift amount|donation|donation amount|contribution|contribution amount|gift|gift amt|amt|"
              "amount given|total amount|payment amount",
    "given_on": "gift date|donation date|contribution date|date given|given on|date of gift|payment date|date received|"
                "transaction date|date|received on|created at|paid at",
    "last_vote": "last voted|last vote date|date last voted|last vote|lastvoted|last voted date",
    "house_number": "house num|house number|street number|house no|street no|reg st num|st num|residence street number|"
                    "number street",
    "house_character": "house num character|street number prefix",
    "election_date": "election date|election day|election lbl|election",
    "election_type": "election type|election desc|election name",
    "street_name": "street name|reg st name|st name",
    "street_type": "street type|reg st type|st type",
    "street_before": "pre dir|pre direction|direction prefix|reg st pre direction|street pre direction",
    "street_after": "post dir|post direction|suffix direction|direction suffix|reg st post direction",
    "house_half": "house suffix|reg st frac|half code|house fraction|street number suffix|st frac|house number suffix",
    "unit_type": "unit type|reg unit type", "unit_number": "unit num|reg unit num",
    "address_whole": "address non std",
}  # fmt: skip

_BY_NAME = {name: meaning for meaning, names in NAMES.items() for name in names.split("|")}
_USUAL = {name: place for names in NAMES.values() for place, name in enumerate(names.split("|"))}

#: Words that say whose a column is or how it is written, and not what.
_BESIDE = frozenset(
    [
        "donor",
        "voter",
        "contact",
        "supporter",
        "member",
        "person",
        "constituent",
        "guest",
        "attendee",
        "signer",
        "primary",
        "preferred",
        "pref",
        "res",
        "residential",
        "residence",
        "resident",
        "reg",
        "legal",
        "home",
        "mailing",
        "mail",
        "billing",
        "your",
        "my",
        "the",
        "of",
        "please",
        "enter",
        "code",
        "cd",
        "desc",
        "description",
        "abbrv",
        "lbl",
        "label",
        "txt",
        "text",
        "value",
        "vf",
        "num",
        "ind",
        "field",
    ]
)
_RESIDENCE = frozenset(["res", "residential", "residence", "legal", "reg", "home", "street", "physical"])
_MAILING = frozenset({"mail", "mailing", "ship", "shipping", "billing", "employer"})

_STATE_CODES = frozenset(code.casefold() for code in STATES.values())

_ELECTION = re.compile(r"^(PRIMARY|GENERAL|SPECIAL)[-_ ](\d{1,2}/\d{1,2}/\d{4})$", re.IGNORECASE)
_YEAR_ELECTION = re.compile(r"\b(\d{4})\b.*\bgen(?:eral)?\b|\bgen(?:eral)?\b.*\b(\d{4})\b", re.IGNORECASE)

#: Words of a column that says who may not be reached, and the channel that they close.
_REFUSALS = {
    "do not call": "phone", "dnc": "phone", "do not text": "text", "do not email": "email", "do not mail": "mail",
    "unsubscribed": "email", "email opt out": "email", "opted out": "email", "do not contact": "all",
    "sms opt out": "text", "text opt out": "text", "opt out": "all", "unsubscribe": "email", "no call": "phone",
}  # fmt: skip


def words_of(header: str) -> list[str]:
    """Return a header's words in lower case, with camel case taken apart.

    Examples
    --------
    >>> words_of("RegStNum"), words_of("E-mail"), words_of("ZIP5 "), words_of("DonorID")
    (['reg', 'st', 'num'], ['email'], ['zip5'], ['donor', 'id'])
    """
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", header)
    words = [word for word in re.split(r"[\W_]+", apart.casefold()) if word]
    joined = " ".join(words).replace("e mail", "email").replace("zip 5", "zip5").replace("van id", "vanid")
    return joined.split()


@dataclass(frozen=True)
class Named:
    """What a column's name means.

    Attributes
    ----------
    meaning : str or None
        One of `NAMES`, suppression or vote_history; None: nothing that is known.
    sure : int
        4 by its name and whose address it is, 3 by its very name, 2 without words beside it, 1 of a mailing address.
    unusual : int
        How far down the list of its names this one stands.
    """

    meaning: str | None = None
    sure: int = 0
    unusual: int = 0


def meaning_of(header: str) -> Named:
    """Return what a column's name means.

    Examples
    --------
    >>> meaning_of("Donor First Name"), meaning_of("Mailing City").sure, meaning_of("Favorite colour").meaning
    (Named(meaning='first_name', sure=2, unusual=0), 1, None)
    """
    words = words_of(header)
    whole = " ".join(words)
    if closes(header):
        return Named("suppression", 3)
    if election_of(header):
        return Named("vote_history", 3)
    if whole in _BY_NAME:
        return Named(_BY_NAME[whole], 3, _USUAL[whole])
    mailing, residence = bool(_MAILING & set(words)), bool(_RESIDENCE & set(words))
    plain = [word for word in words if word not in _BESIDE | _MAILING]
    for tried in (
        plain, [word for word in plain if word not in ("name", "number", "1")],
        [word for word in plain if word != "address"], plain[1:] if words[0] in _STATE_CODES else [],
    ):  # fmt: skip
        name = " ".join(tried)
        if name in _BY_NAME:
            return Named(_BY_NAME[name], 1 if mailing else 4 if residence else 2, _USUAL[name])
    return Named()


def closes(header: str) -> str | None:
    """Return the channel that a column closes by its name, such as ``Do Not Call``; None: none.

    Examples
    --------
    >>> closes("Do_Not_Call"), closes("Call Back")
    ('phone', None)
    """
    whole = " ".join(words_of(header))
    return next((channel for words, channel in _REFUSALS.items() if re.search(rf"\b{words}\b", whole)), None)


def election_of(header: str) -> str | None:
    """Return ``dated`` for a column of an election with its date in its name, ``year`` for a general election's year.

    Examples
    --------
    >>> election_of("GENERAL-11/06/2012"), election_of("2012 Gen Election Participation"), election_of("General notes")
    ('dated', 'year', None)
    """
    if _ELECTION.match(header.strip()):
        return "dated"
    return "year" if _YEAR_ELECTION.search(header.replace("_", " ")) else None


def year_of(header: str) -> int:
    """Return the year in the name of a general election's column."""
    matched = _YEAR_ELECTION.search(header.replace("_", " "))
    return int(matched[1] or matched[2]) if matched else 0
