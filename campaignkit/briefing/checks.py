"""What is looked at before anything is believed: each check with its number, its past range and what to do."""

from __future__ import annotations

from typing import Any

import polars as pl

from campaignkit.briefing.parts import Check
from campaignkit.briefing.tonight import Tonight
from campaignkit.megafile.refresh.drift import BEFORE, moved

HELD_BACK = "held back"  # how the megafile says that a snapshot is too short
LEAST_FALL = 0.003  # of a channel's suppressions: people merge and are forgotten, so that a few always go
MOST_FALL = 0.01  # of a channel's suppressions: more is not to be trusted
CALIBRATION_MOVED = 3.0  # times what a perfect score would show

LOOK = "Compare the file with yesterday's, and ask the sender. Until then read its numbers with care."


def arrived(tonight: Tonight) -> list[Check]:
    """Check the files that came since the page before: held back, drifted, not taken in.

    The sentences are the refresh's own (`megafile.refresh.drift`); the past range is that of the layout's files.
    """
    since, _ = tonight.since
    skipped = tonight.sql("SELECT file, reason FROM skipped_file WHERE night > ? ORDER BY ALL", [since])
    noticed = [_skipped(file, reason) for file, reason in skipped.iter_rows()]
    logs = tonight.sql("SELECT warnings FROM refresh_log WHERE night > ? AND night > 0 ORDER BY night", [since])
    sentences = [text for text in logs["warnings"].explode().drop_nulls() if "was not taken in" not in text]
    files = tonight.sql("SELECT file, layout, accepted FROM source_file ORDER BY file_id").to_dicts()
    return noticed + [_drifted(text, files) for text in dict.fromkeys(sentences)]


def _skipped(file: str, reason: str) -> Check:
    if reason.startswith(HELD_BACK):
        number, _, past = reason.partition(" where ")
        to_do = f"Get the whole file and run the night again. If it is whole: campaignkit night --accept {file}"
        return Check("stop", f"{file} is cut short and was held back.", number.removeprefix(f"{HELD_BACK}: "),
                     f"{past.partition(' stood')[0]} stood", to_do)  # fmt: skip
    return Check(
        "warning",
        f"{file} was not taken in: {reason}",
        "0 records",
        "",
        "Write a layout for it, or move it out of the folder.",
    )


def _drifted(text: str, files: list[dict[str, Any]]) -> Check:
    own = next((file for file in files if text.startswith(file["file"])), None)
    if own is None:
        return Check("warning", text, "", "", LOOK)
    past = [f["accepted"] for f in files[: files.index(own)] if f["layout"] == own["layout"]][-BEFORE:]
    usual = f"{min(past):,} to {max(past):,} records" if past else ""
    return Check("warning", text, f"{own['accepted']:,} records", usual, LOOK)


def linked(tonight: Tonight, counts: pl.DataFrame) -> list[Check]:
    """Check the share of each source's records that are linked to somebody another record knows.

    Parameters
    ----------
    tonight : Tonight
    counts : polars.DataFrame
        ``source``, ``records``, ``linked``.
    """
    past = [page["links"] for page in tonight.kept("checks")]
    noticed = []
    for source, records, links in counts.iter_rows():
        before = [page[source] for page in past if source in page]
        if before and moved(links, records, *before[-1]):
            shares = sorted(b / max(a, 1) for b, a in before)
            noticed.append(Check(
                "warning", f"The share of {source} records that link to a known person changed.",
                f"{links / records:.1%}",
                f"{shares[0]:.1%} to {shares[-1]:.1%}",
                "Look at the source's names, birth dates and phones. mf.explain shows what linked a person.",
            ))  # fmt: skip
    return noticed


def suppressed(tonight: Tonight, counts: dict[str, int]) -> list[Check]:
    """Check that no channel's suppressions fall: a refusal stands until its person takes it back."""
    past = [page["suppressions"] for page in tonight.kept("checks")]
    noticed = []
    for channel in sorted({name for page in past for name in page}):
        before = [page[channel] for page in past if channel in page]
        fall = before[-1] - counts.get(channel, 0)
        if fall > max(LEAST_FALL * before[-1], 5):
            level = "stop" if fall > MOST_FALL * before[-1] else "warning"
            noticed.append(Check(
                level, f"Suppressions on {channel} fell by {fall:,} overnight.", f"{counts.get(channel, 0):,}",
                f"{min(before):,} to {max(before):,}",
                "Before anyone calls, find the source whose refusals are gone: SELECT * FROM suppression.",
            ))  # fmt: skip
    return noticed


def calibrated(name: str, ece: float, floor: float, past: list[dict[str, float]]) -> list[Check]:
    """Check that a score is as well calibrated as it was.

    Parameters
    ----------
    name : str
    ece, floor : float
        The expected calibration error, and what a perfect score would show at its 95th percentile.
    past : list of dict
        Earlier nights' errors by score.
    """
    before = [page[name] for page in past if name in page]
    if not before or ece <= max(2 * max(before), CALIBRATION_MOVED * floor):
        return []
    usual = f"{100 * min(before):.2f} to {100 * max(before):.2f} points"
    return [Check("warning", f"The score {name} is worse calibrated than before.", f"{100 * ece:.2f} points", usual,
                  "Look at score.calibration(). Set no cutoffs by it until you know the cause.")]  # fmt: skip


def silent(last: pl.DataFrame, as_of: Any, nights: int) -> list[Check]:
    """Check that no poll stream has gone silent.

    Parameters
    ----------
    last : polars.DataFrame
        ``stream``, ``last`` (day of interviewing), ``gap`` (the longest earlier gap between days, in days).
    as_of : date
        The latest day of any stream.
    nights : int
        Days after which a stream counts as silent.
    """
    noticed = []
    for stream, day, gap in last.iter_rows():
        quiet = (as_of - day).days
        if quiet > max(nights, gap):
            noticed.append(Check(
                "warning", f"The poll stream {stream} went silent; its last interview was on {day}.",
                f"{quiet} days", f"gaps up to {gap} days",
                "Ask the vendor for the file. Until then the trend rests on the other streams.",
            ))  # fmt: skip
    return noticed
