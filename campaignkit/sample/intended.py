"""What was planted, as meant; `effects` says how it came out."""

from __future__ import annotations

import numpy as np
import polars as pl

from campaignkit.sample import calls, contests, emails, gifts, outreach, viewers, voters
from campaignkit.sample.dirt import FLAGS, Rates


def intended(rates: dict[str, Rates] | None = None) -> pl.DataFrame:
    """Return one row per planted number: effect, group, quantity, intended.

    Parameters
    ----------
    rates
        The dirt of each source; None: none, as in memory.
    """
    rows: list[tuple[str, str, str, float]] = []
    for host, odds in contests.APPEAL.items():
        rows.append(("contest", f"host={host}", "extra odds ratio of its fans", odds))
    rows += [("contest", name, "odds ratio", float(np.exp(value))) for name, value in contests.MAIN.items()]
    rows.append(("quick_donate", "members", "causal factor of dollars (y1 / y0)", gifts.FACTOR))
    rows.append(("quick_donate", "members / other donors", "raw factor of dollars", 4.0))
    rows.append(("sticker", "offered", "added to the logit of enrolling", gifts.STICKER))
    for row in emails.variants().iter_rows(named=True):
        rows.append(("email", f"email_id={row['email_id']}", "gave", row["p_gift"]))
    rows += [
        ("guesses", f"staff_id={staff}", "correlation with the truth", skill)
        for staff, skill in emails.GUESSERS.items()
    ]
    for script, added in calls.EFFECTS.items():
        for group, value in zip(calls.GROUPS, added, strict=True):
            rows.append(("scripts", f"group={group}", f"added by {script} if reached", value))
    rows.append(("scripts", "local caller", "added if reached", calls.LOCAL))
    rows.append(("scripts", "all", "share reached", calls.REACHED))
    for arm in calls.RETURN:
        rows += [("winback", f"arm={arm}", "returned", calls.RETURN[arm])]
        rows += [("winback", f"arm={arm}", "gave", calls.RETURN_GIFT[arm])]
    rows.append(("scores", "all", "share of the logit's variance from the basics", voters.BASICS_SHARE))
    rows.append(("surveys", "all", "answers heard wrong", outreach.NOISE))
    rows.append(("surveys", "all", "undecided", outreach.UNDECIDED))
    for channel, (_, liked) in viewers.CHANNELS.items():
        rows.append(("media use", f"channel={channel}", "used by the target, over by all", liked))
    for network, liked in viewers.LIKED.items():
        rows.append(("viewing", f"network={network}", "watched by the target, over by others", liked))
    for source, rate in (rates or {}).items():
        rows += [(f"dirt {source}", "all", flag, getattr(rate, flag)) for flag in FLAGS if hasattr(rate, flag)]
        rows.append((f"dirt {source}", "all", "typo", rate.typo))
    columns = {"effect": pl.String, "group": pl.String, "quantity": pl.String, "intended": pl.Float64}
    return pl.DataFrame(rows, schema=columns, orient="row")
