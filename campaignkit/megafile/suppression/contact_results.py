"""What a result, an event or an answer says about reaching someone again: the words of the tools, and one's own.

`contact_results.toml` has the words of VAN and of e-mail tools. A file of that name in the exports folder adds a
campaign's own, which the megafile keeps. A word that neither knows is held to be a refusal until it is mapped.
"""

from __future__ import annotations

import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb

from campaignkit.errors import LayoutError, listed, nearest

NAME = "contact_results.toml"
UNKNOWN = "unknown result"
CHANNELS = ("phone", "door", "text", "mail", "email")

#: What an outcome closes: the channels (same: the contact's own; all) and the reason that is given.
CLOSES: dict[str, tuple[tuple[str, ...], str]] = {
    "refused": (("same",), "refused"),
    "do not call": (("phone", "text"), "do not call"),
    "do not text": (("text",), "refused"),
    "do not email": (("email",), "unsubscribed"),
    "do not mail": (("mail",), "refused"),
    "do not walk": (("door",), "refused"),
    "do not contact": (("all",), "refused"),
    "wrong number": (("phone", "text"), "wrong number"),
    "moved": (("door", "mail"), "moved"),
    "deceased": (("all",), "deceased"),
    "unsubscribed": (("email",), "unsubscribed"),
    "complained": (("email",), "unsubscribed"),
    "bounced": (("email",), "bounced"),
    "no": (("text",), "refused"),
}

#: The outcomes that the words of each kind may have.
OUTCOMES = {
    "channel": CHANNELS,
    "contact": ("none", *list(CLOSES)[:10]),
    "email": ("none", "unsubscribed", "complained", "bounced", "resubscribed"),
    "text": ("yes", "no", "unknown"),
}

#: Outcomes that close nothing and need no keeping.
_SILENT = ("none", "yes", "unknown")


def plain_word(word: str) -> str:
    """Return a word as it is compared: letters and digits alone, in lower case.

    Examples
    --------
    >>> plain_word("Refused - Hostile"), plain_word("do_not_call"), plain_word("ＳＴＯＰ")
    ('refusedhostile', 'donotcall', 'stop')
    """
    return "".join(letter for letter in unicodedata.normalize("NFKC", word).casefold() if letter.isalnum())


@dataclass(frozen=True)
class Words:
    """The words that are known, and what each says; `own` are those that the campaign added."""

    own: dict[tuple[str, str], str]

    def outcome(self, kind: str, word: str | None) -> str | None:
        """Return what a word of a kind says; None: it is not known. No word says nothing.

        Examples
        --------
        >>> Words({}).outcome("contact", "Disconnected/Out of Service"), Words({}).outcome("contact", "Slammed Door")
        ('wrong number', None)
        """
        plain = plain_word(word or "")
        if not word or not word.strip():
            return {"contact": "none", "email": "none", "text": "unknown"}.get(kind)
        return self.own.get((kind, plain)) or shipped().get((kind, plain))

    def channel(self, word: str | None) -> str | None:
        """Return the channel that a contact type is; None: it is blank or not known."""
        return self.outcome("channel", word)

    def is_silent(self, kind: str, word: str | None) -> bool:
        """Return whether a word says nothing about reaching someone again."""
        return self.outcome(kind, word) in _SILENT

    def closes(self, kind: str, channel: str | None, word: str | None) -> list[tuple[str, str]]:
        """Return the channels that a word closes and why; kind `list`: the channel and the reason as a list gives them.

        Examples
        --------
        >>> Words({}).closes("contact", "Paid Phone", "Hostile"), Words({}).closes("contact", None, "Slammed Door")
        ([('phone', 'refused')], [('all', 'unknown result')])
        """
        own = "all" if channel == "all" else self.channel(channel) or "all"
        if kind == "list":
            return [(own, word or "refused")]
        outcome = self.outcome(kind, word)
        if outcome is None:
            return [({"email": "email", "text": "text"}.get(kind, own), UNKNOWN)]
        closed, reason = CLOSES.get(outcome, ((), ""))
        return [(own if name == "same" else name, reason) for name in closed]


def line_for(kind: str, word: str) -> str:
    """Return the line of TOML that maps a word.

    Examples
    --------
    >>> print(line_for("contact", 'Slammed "Door"'))
    contact."Slammed \\"Door\\"" = "refused"
    """
    likely = {"channel": "phone", "contact": "refused", "email": "unsubscribed", "text": "no"}[kind]
    quoted = "".join(
        f"\\{letter}" if letter in '"\\' else letter if letter.isprintable() else f"\\U{ord(letter):08X}"
        for letter in word
    )
    return f'{kind}."{quoted}" = "{likely}"'


@cache
def shipped() -> dict[tuple[str, str], str]:
    """Return the words that come with campaignkit, by kind and plain word."""
    spec = tomllib.loads(files("campaignkit.megafile.suppression").joinpath(NAME).read_text(encoding="utf-8"))
    return {
        (kind, plain_word(word)): outcome
        for kind, outcomes in spec.items()
        for outcome, words in outcomes.items()
        for word in words
    }


def kept_words(con: duckdb.DuckDBPyConnection) -> Words:
    """Return the words that come with campaignkit and those that a megafile keeps."""
    return Words({(kind, word): outcome for kind, word, outcome in con.execute("FROM contact_word").fetchall()})


def own_words(folder: Path) -> dict[tuple[str, str], str]:
    """Return the words that a folder's own contact_results.toml maps, by kind and plain word; none: it has none.

    Raises
    ------
    LayoutError
        If the file can't be read, or maps to what is no outcome.
    """
    path = folder / NAME
    if not path.is_file():
        return {}
    try:
        spec = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LayoutError(f"{NAME} is not valid TOML: {error}.") from error
    return {(kind, plain_word(word)): outcome for kind, word, outcome in _lines(spec)}


def _lines(spec: dict[str, Any]) -> list[tuple[str, str, str]]:
    lines = []
    for kind, words in spec.items():
        if kind not in OUTCOMES or not isinstance(words, dict):
            raise LayoutError(f"{NAME}: unknown {kind!r}{nearest(kind, OUTCOMES)} A line looks like: "
                              f"{line_for('contact', 'Slammed Door')}")  # fmt: skip
        for word, outcome in words.items():
            if outcome not in OUTCOMES[kind]:
                raise LayoutError(f"{NAME}: {kind}.{word!r} is {outcome!r}; it is one of {listed(OUTCOMES[kind])}.")
            lines.append((kind, word, outcome))
    return lines
