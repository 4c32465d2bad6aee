"""The panel vendor's, the stations' and the buyer's files, and the online panel's media questions."""

from __future__ import annotations

import polars as pl

from campaignkit.sample.crm_files import keyed
from campaignkit.sample.sinks import Format
from campaignkit.sample.viewers import CHANNELS

_HEADERS = {
    "tv_panel": "van_id,market,weight",
    "tv_viewing": "van_id,network,half_hour,days",
    "tv_rates": "market,network,daypart,cost_per_spot,spots_left",
    "tv_buys_last_cycle": "market,network,daypart,first_air_date,last_air_date,spots,cost_per_spot,cost_total",
    "media_use": ",".join(["respondent_id", *(f"weekly_{name}" for name in CHANNELS)]),
}
_BROKEN = {"tv_rates": (("Rates subject to change without notice", "too few fields"),)}  # a rate card's footer
FORMATS = {
    name: Format(f"{name}_20121001.csv.gz", header.split(","), broken=_BROKEN.get(name, ()))
    for name, header in _HEADERS.items()
}
_CELL = ("market", "network", pl.col("half_hour").alias("daypart"))


def television(tables: dict[str, pl.DataFrame], people: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return the files about television.

    Parameters
    ----------
    tables : dict
        What `viewers.campaign_television` draws.
    people : table
        person, van_id.
    """
    keys = people.select("person", "van_id")
    panel, viewing = (
        tables[name].join(keys, on="person", how="left", maintain_order="left") for name in ("tv_panel", "tv_viewing")
    )
    dollars = pl.concat_str(pl.lit("$"), pl.col("cost").cast(pl.Decimal(14, 2)).cast(pl.String))
    never = pl.lit(None, pl.String)
    return {
        "tv_panel": panel.select("van_id", "market", pl.col("weight").round(2)),
        "tv_viewing": viewing.select("van_id", "network", "half_hour", "days"),
        "tv_rates": tables["tv_rates"].select(*_CELL, dollars.alias("cost"), "spots"),
        "tv_buys_last_cycle": tables["tv_buys_last_cycle"].select(
            *_CELL, never.alias("first"), never.alias("last"), "spots", pl.col("cost").alias("each"),
            (pl.col("cost") * pl.col("spots")).round(2).alias("total"),
        ),
    }  # fmt: skip


def media_use(answers: pl.DataFrame) -> pl.DataFrame:
    """Return the media questions of the online survey's respondents, by its own numbers for them."""
    yes = pl.when(pl.col(*CHANNELS)).then(pl.lit("yes")).otherwise(pl.lit("no"))
    return answers.select(keyed(answers["person"], "O", 2_718_281).alias("respondent_id"), yes.name.keep())
