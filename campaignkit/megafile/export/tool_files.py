"""Lists as the tools that send e-mail and texts take them: a CSV with the headers that each knows a person by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import duckdb
import polars as pl

from campaignkit.errors import BadValue

#: What a list holds for those who made it, and no tool is told unless it asks.
_OURS = ("place", "person_id", "rank_value")


@dataclass(frozen=True)
class Tool:
    """A tool's upload: its name, the channels it reaches people by, and its headers, each with a column of ours.

    Columns are the list's or, where it has none of that name, the person's. The list's other columns follow under their
    own names; `own` stands before them where the tool wants it so, for its custom fields.
    """

    title: str
    channels: tuple[str, ...]
    headers: Mapping[str, str]
    own: str = ""

    def check(self, channel: str, own: Iterable[str]) -> None:
        """Refuse a list of a channel by which the tool reaches nobody, and a column named as one of the tool's.

        Raises
        ------
        BadValue
            If it is one, or has one.

        Examples
        --------
        >>> TOOLS["spoke"].check("phone", [])
        Traceback (most recent call last):
        ...
        campaignkit.errors.BadValue: Spoke takes a 'text' list; this is a 'phone' list.
        """
        if channel not in self.channels:
            takes = " or ".join(repr(name) for name in self.channels)
            raise BadValue(f"{self.title} takes a {takes} list; this is a {channel!r} list.")
        if taken := [name for name in own if name not in self.headers.values() and self._own(name) in self.headers]:
            raise BadValue(f"columns: {self.title} has a column {taken[0]!r} of its own; give yours another name.")

    def _own(self, name: str) -> str:
        return self.own + re.sub(r"\W+", "_", name) if self.own else name

    def file_of(self, con: duckdb.DuckDBPyConnection, table: pl.DataFrame) -> pl.DataFrame:
        """Return a list with the tool's headers, in the list's order; places and ranks stay here."""
        missing = [column for column in self.headers.values() if column not in table.columns]
        people = con.sql("SELECT person_id, zip5, state, van_id FROM person").pl().select("person_id", *missing)
        wide = table.join(people, on="person_id", how="left", maintain_order="left")
        own = [name for name in table.columns if name not in {*self.headers.values(), *_OURS}]
        return wide.select(
            *(pl.col(column).alias(header) for header, column in self.headers.items()),
            *(pl.col(name).alias(self._own(name)) for name in own),
        )


#: ActionKit: "Uploads Reference: Accepted Headers List" of its manual. Spoke: `requiredUploadFields` and
#: `topLevelUploadFields` of its source. Impactive: "How To Create and Manage Contacts" of its help center. Mobilize
#: publishes no list of headers: these are the names of a person in its API.
TOOLS: dict[str, Tool] = {
    "actionkit": Tool(
        "ActionKit",
        ("email",),
        {"email": "email", "first_name": "first_name", "last_name": "last_name", "state": "state", "zip": "zip5"},
        own="user_",
    ),
    "mobilize": Tool(
        "Mobilize",
        ("email",),
        {"email_address": "email", "given_name": "first_name", "family_name": "last_name", "postal_code": "zip5"},
    ),
    "spoke": Tool(
        "Spoke",
        ("text",),
        {
            "firstName": "first_name",
            "lastName": "last_name",
            "cell": "phone",
            "zip": "zip5",
            "external_id": "person_id",
        },
    ),
    "impactive": Tool(
        "Impactive",
        ("text", "phone"),
        {
            "first_name": "first_name",
            "last_name": "last_name",
            "phone": "phone",
            "van_id": "van_id",
            "state_abbrev": "state",
        },
    ),
}
