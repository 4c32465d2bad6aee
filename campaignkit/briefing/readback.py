"""`campaign.toml` in plain English, each name checked against the megafile; and a first one, made from a megafile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from campaignkit.briefing.settings import List, Settings
from campaignkit.checks import PURPOSES
from campaignkit.errors import BadValue, CampaignkitError, listed, nearest
from campaignkit.megafile import Megafile
from campaignkit.megafile.call_list import FORMATS
from campaignkit.megafile.suppression.rules import MEANS
from campaignkit.voters.recipes import RECIPES
from campaignkit.wording import dollars

__all__ = ["first_settings", "read_back"]

Line = tuple[str, str | None]  # a sentence, and what is wrong with it


def read_back(settings: Settings, megafile: Megafile) -> tuple[list[str], list[str]]:
    """Return what the settings ask for, in plain English, and what is wrong with them.

    Parameters
    ----------
    settings : Settings
    megafile : Megafile
        Each name is checked against it.

    Returns
    -------
    tuple of list of str
        A sentence for each thing the night will do; and one for each wrong name, with the nearest right one. Empty:
        every name is right.

    Examples
    --------
    >>> import campaignkit as ck
    >>> from campaignkit.briefing.settings import Emails
    >>> wanted = Settings("campaign.duckdb", "exports", emails=Emails(("deadline_jun",)))
    >>> said, wrong = read_back(wanted, ck.sample.megafile())
    >>> wrong[0]
    "[emails] No e-mail test is called 'deadline_jun'; did you mean 'deadline_june'?"
    """
    lines = [
        (f"Each night: take new files from {settings.exports}/ into {settings.megafile}, and write "
         f"{settings.briefing}/page.html{' and page.pdf' if settings.page.pdf else ''}.", None),
        *_scores(settings, megafile), *_emails(settings, megafile), *_polls(settings, megafile), *_money(settings),
        *(line for wanted in settings.lists for line in _list(wanted, settings, megafile)),
    ]  # fmt: skip
    if not settings.path(settings.exports).is_dir():
        lines.append(("", f"There is no exports folder {settings.exports!r} beside campaign.toml."))
    return [sentence for sentence, _ in lines if sentence], [wrong for _, wrong in lines if wrong]


def _there(where: str, what: str, name: str, names: Iterable[str]) -> str | None:
    known = list(names)
    return None if name in known else f"{where} {what} {name!r}{nearest(name, known)}"


def _tried(where: str, call: Callable[[], Any]) -> str | None:
    """Return what an error says, whose message names the nearest right name."""
    try:
        call()
    except CampaignkitError as error:
        return f"{where} {error}"
    return None


def _scores(settings: Settings, megafile: Megafile) -> Iterator[Line]:
    wanted = settings.scores
    if wanted is None:
        return
    for name in wanted.recipes:
        wrong = _there("[scores]", "No recipe is called", name, RECIPES)
        yield (f"Refit the score {name}: {RECIPES[name].predicts}." if wrong is None else "", wrong)
    if turnout := wanted.turnout:
        days = [str(day) for day in megafile.sql("SELECT DISTINCT election_date FROM vote_history")["election_date"]]
        asked = [turnout.fit_on, *([turnout.test_on] if turnout.test_on else [])]
        wrong = [_there("[scores.turnout]", "The megafile holds no votes from", str(day), days) for day in asked]
        yield (
            f"Score turnout on {turnout.election}, fitted on the vote of {turnout.fit_on}.",
            next(filter(None, wrong), None),
        )
    if persuasion := wanted.persuasion:
        known = megafile.values("assignment", "experiment")
        yield (f"Rank who a contact moves, fitted on the experiment {persuasion.experiment}.",
               _there("[scores.persuasion]", "No experiment is called", persuasion.experiment, known))  # fmt: skip
        yield "", _there("[scores.persuasion]", "No poll asked", persuasion.question,
                         megafile.values("survey_response", "question"))  # fmt: skip
        arms = megafile.sql("SELECT DISTINCT arm FROM assignment WHERE experiment = ?", [persuasion.experiment])["arm"]
        for arm in (persuasion.control, *persuasion.treatment):
            yield "", _there("[scores.persuasion]", "The experiment has no arm", arm, arms.drop_nulls().sort())


def _emails(settings: Settings, megafile: Megafile) -> Iterator[Line]:
    for test in settings.emails.tests if settings.emails else ():
        yield (f"Read the e-mail test {test}.",
               _there("[emails]", "No e-mail test is called", test, megafile.values("email_send", "test")))  # fmt: skip


def _polls(settings: Settings, megafile: Megafile) -> Iterator[Line]:
    if wanted := settings.polls:
        sentence = (
            f"Read interviews on “{' / '.join(wanted.question)}” over {wanted.nights} days by {listed(wanted.by)}."
        )
        features = {name: name for name in wanted.by}
        yield sentence, _tried("[polls]", lambda: megafile.interviews(
            list(wanted.question), features, yes=list(wanted.yes), no=list(wanted.no)))  # fmt: skip
        yield "", _tried("[polls]", lambda: megafile.universe(*wanted.frame).count())
    if forecast := settings.forecast:
        missing = forecast.polls != "polls_2012" and not settings.path(forecast.polls).is_file()
        yield (f"Forecast the election of {forecast.on} from {forecast.polls}.",
               f"[forecast] There is no file {forecast.polls!r}." if missing else None)  # fmt: skip


def _money(settings: Settings) -> Iterator[Line]:
    if money := settings.money:
        yield f"Spread {dollars(money.budget, 0)} over the states for the best chance of winning.", None
    if television := settings.television:
        yield f"Plan {dollars(television.budget, 0)} of TV spots to reach {listed(television.target)}.", None


def _list(wanted: List, settings: Settings, megafile: Megafile) -> Iterator[Line]:
    where = f"[[lists]] {wanted.name}:"
    best = f", best {wanted.rank_by} first" if wanted.rank_by else ""
    limit = f"up to {wanted.limit:,} people" if wanted.limit else "everyone"
    yield (f"Write the list {wanted.name}: {limit} of {listed(wanted.who)} by {wanted.channel} for "
           f"{wanted.purpose}{best}.",
           _there(where, "No channel is called", wanted.channel, MEANS))  # fmt: skip
    yield "", _there(where, "No purpose is called", wanted.purpose, PURPOSES)
    yield "", _there(where, "No format is called", wanted.format, FORMATS)
    fitted = [*settings.scores.recipes, "turnout", "persuasion"] if settings.scores else []
    texts = [*wanted.who, *([wanted.rank_by] if wanted.rank_by else [])]
    known = set(megafile.sql("SELECT DISTINCT name FROM score")["name"])
    if not any(f"score('{name}')" in text for text in texts for name in fitted if name not in known):
        yield "", _tried(where, lambda: megafile.universe(*wanted.who).count())


def first_settings(megafile: Megafile, exports: str = "exports") -> str:
    """Return a first `campaign.toml`, made from what a megafile holds.

    Parameters
    ----------
    megafile : Megafile
    exports : str
        The folder of exports.

    Examples
    --------
    >>> import campaignkit as ck
    >>> text = first_settings(ck.sample.megafile())
    >>> '"deadline_june"' in text, "[polls]" in text
    (True, True)
    """
    tests, questions = megafile.values("email_send", "test"), megafile.sql("""
        SELECT question, list(DISTINCT answer ORDER BY answer) AS answers FROM survey_response
        WHERE answer IS NOT NULL GROUP BY question HAVING count(DISTINCT answer) BETWEEN 2 AND 9
        ORDER BY count(*) DESC, question LIMIT 1""")  # fmt: skip
    parts = [f"megafile = {_quoted(megafile.path.name)}\nexports = {_quoted(exports)}\n"]
    parts += [f"[scores]\nrecipes = {_quoted(list(RECIPES)[:1])}\n"] if megafile.values("gift", "channel") else []
    parts += [f"[emails]\ntests = {_quoted(tests)}\n"] if tests else []
    for question, answers in questions.iter_rows():
        parts.append(f"[polls]\nquestion = {_quoted(question)}\n# answers were: {listed(answers)}\n"
                     f"yes = {_quoted(answers[:1])}\nno = {_quoted(answers[1:2])}\n")  # fmt: skip
    parts.append('# [forecast]\n# on = 2012-11-06\n\n[[lists]]\nname = "first_calls"\nwho = ["voter"]\n'
                 'channel = "phone"\npurpose = "turnout"\nlimit = 200\n\n'
                 '[page]\ntitle = "The morning page"\n')  # fmt: skip
    return "\n".join(parts)


def _quoted(value: Any) -> str:
    """Return text, or a list of texts, as TOML has it: JSON's strings are TOML's."""
    import json

    if isinstance(value, str) and "\x7f" in value:
        raise BadValue(f"{value!r} can't be written to campaign.toml.")
    return json.dumps(value, ensure_ascii=False)
