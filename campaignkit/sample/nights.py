"""A night's new files, made from the exports of the night before: some people move, join, give, correct, go."""

from __future__ import annotations

import gzip
import zipfile
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from campaignkit.errors import BadValue

_FIRST_NIGHT = date(2012, 10, 1)


def write_night(exports: str | Path, folder: str | Path, night: int, share: float = 0.01, seed: int = 2012) -> None:
    """Write the files of a later night of a sample campaign.

    The supporters' list comes whole, as every night: of a share of its people a third moved, a third have a new phone,
    a third have set right what they had typed (as the voter file has them); as many joined, and a third as many asked
    to be forgotten. ActBlue's report brings the day's gifts. Ohio sends some counties anew, in which a share of the
    voters moved within the county and a third as many are gone.

    Parameters
    ----------
    exports : str or Path
        The sample's exports, as `write` made them.
    folder : str or Path
        Where; made if need be.
    night : int
        How many days after the exports.
    share : float
        Of the people, who change.
    seed : int
        The same seed and night write the same files.

    Raises
    ------
    BadValue
        If there are no such exports.

    Examples
    --------
    >>> import tempfile
    >>> import campaignkit as ck
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = ck.sample.write(f"{folder}/exports", 2_000)
    ...     ck.sample.write_night(f"{folder}/exports", f"{folder}/night1", night=1)
    ...     sorted(path.name for path in Path(folder, "night1").iterdir())
    ['OH_SWVF_20121002.csv', 'actblue_paid_contributions_20121002.csv.gz', 'supporters_20121002.csv.gz']
    """
    exports, folder = Path(exports), Path(folder)
    if not exports.is_dir():
        raise BadValue(f"There are no exports at {str(exports)!r}; sample.write(folder, people) makes some.")
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, night])
    day = _FIRST_NIGHT + timedelta(days=night)
    header, all_voters = _read(exports, "OH_SWVF")
    voters = all_voters.select(*_AS_CRM, "COUNTY_NUMBER").collect()
    supporters, people = _read(exports, "supporters")
    _write(
        folder / f"supporters_{day:%Y%m%d}.csv.gz", supporters, _supporters(people.collect(), voters, share, day, rng)
    )
    actblue, gifts = _read(exports, "actblue")
    _write(folder / f"actblue_paid_contributions_{day:%Y%m%d}.csv.gz", actblue, _gifts(gifts, share, day, rng))
    _write(folder / f"OH_SWVF_{day:%Y%m%d}.csv", header, _counties(all_voters, voters, share, rng))


_QUOTES: dict[str, Literal["always", "necessary"]] = {"OH": "always", "su": "necessary", "ac": "necessary"}


def _write(path: Path, header: bytes, rows: pl.DataFrame) -> None:
    text = header + b"\n" + rows.write_csv(include_header=False, quote_style=_QUOTES[path.name[:2]]).encode()
    path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)


def _read(exports: Path, name: str) -> tuple[bytes, pl.LazyFrame]:
    """Return a file's header as it stands, and its rows as text, lazily; columns of one name are numbered."""
    [path] = [path for path in exports.iterdir() if path.name.startswith(name)]
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            text = archive.read(archive.namelist()[0])
    else:
        text = gzip.decompress(path.read_bytes())
    header, _, body = text.partition(b"\n")
    names = header.decode().strip().replace('"', "").split(",")
    names = [name if names.index(name) == at else f"{name} ({at})" for at, name in enumerate(names)]
    rows = pl.scan_csv(
        body, has_header=False, new_columns=names, infer_schema=False, truncate_ragged_lines=True, encoding="utf8-lossy"
    )
    return header.strip(), rows.filter(pl.col(names[1]).is_not_null())


def _supporters(
    people: pl.DataFrame, voters: pl.DataFrame, share: float, day: date, rng: np.random.Generator
) -> pl.DataFrame:
    draw = pl.Series(rng.random(people.height))
    third = share / 3
    moved, phoned, corrected, gone = ((draw >= at * third) & (draw < (at + 1) * third) for at in range(4))
    number = pl.Series(rng.integers(2_000_000, 9_999_999, people.height)).cast(pl.String)
    street = pl.Series([f"{at} Harvest Lane" for at in rng.integers(1, 999, people.height)])
    told = people.with_columns(
        address=pl.when(moved).then(street).otherwise("address"),
        phone=pl.when(phoned).then(pl.format("614-{}-{}", number.str.head(3), number.str.tail(4))).otherwise("phone"),
    ).filter(~gone)
    return pl.concat([told.filter(~corrected.filter(~gone)), _set_right(people.filter(corrected), voters),
                      _joined(people, voters, share, day, rng)])  # fmt: skip


def _set_right(people: pl.DataFrame, voters: pl.DataFrame) -> pl.DataFrame:
    """Return supporters as the voter file has whoever has their last name and zip code, where there is one."""
    known = voters.select(**{crm: pl.col(ohio) for ohio, crm in _AS_CRM.items()})
    names = [pl.col(name).str.to_titlecase() for name in ("first_name", "last_name", "address", "city")]
    known = known.with_columns(names).unique(["last_name", "zip", "first_name"], keep="none", maintain_order=True)
    known = known.with_columns(first=pl.col("first_name").str.head(1))
    asked = people.with_columns(first=pl.col("first_name").str.head(1))
    corrected = asked.join(known, on=["last_name", "zip", "first"], how="left", suffix="_right", maintain_order="left")
    corrected = corrected.unique("supporter_id", keep="none", maintain_order=True)
    right = [pl.coalesce(f"{name}_right", name).alias(name) for name in ("first_name", "address", "birth_date")]
    rest = people.join(corrected, on="supporter_id", how="anti")
    return pl.concat([corrected.with_columns(right).select(people.columns), rest])


def _joined(
    people: pl.DataFrame, voters: pl.DataFrame, share: float, day: date, rng: np.random.Generator
) -> pl.DataFrame:
    """Return new supporters: voters who sign up."""
    chosen = voters[rng.choice(voters.height, max(int(share * people.height / 3), 1), replace=False)]
    told = chosen.select(**{crm: pl.col(ohio) for ohio, crm in _AS_CRM.items()}).with_row_index("at")
    words = [pl.col(name).str.to_titlecase() for name in ("first_name", "last_name", "address", "city")]
    told = told.with_columns(
        *words,
        supporter_id=pl.format("N{}-{}", pl.lit(f"{day:%m%d}"), "at"),
        email=pl.format("{}.{}@new.example.com", pl.col("last_name").str.to_lowercase(), "at"),
        signed_up_on=pl.lit(f"{day}"),
    )
    empty = [pl.lit(None, pl.String).alias(name) for name in people.columns if name not in told.columns]
    return told.with_columns(empty).select(people.columns)


def _gifts(gifts: pl.LazyFrame, share: float, day: date, rng: np.random.Generator) -> pl.DataFrame:
    n = gifts.select(pl.len()).collect().item()
    places = pl.Series("row", rng.choice(n, max(int(share * n), 1), replace=False), pl.UInt32)
    picked = gifts.with_row_index("row").filter(pl.col("row").is_in(places.implode())).collect()
    chosen = (
        places.to_frame().with_row_index("at").join(picked, on="row", how="left", maintain_order="left").drop("row")
    )
    ids = [
        pl.format("{}N{}-{}", name, pl.lit(f"{day:%m%d}"), "at").alias(name) for name in ("Receipt ID", "Lineitem ID")
    ]
    return chosen.with_columns(*ids, pl.lit(f"{day} 12:00:00").alias("Date")).drop("at")


def _counties(all_voters: pl.LazyFrame, voters: pl.DataFrame, share: float, rng: np.random.Generator) -> pl.DataFrame:
    """Return some counties, with about a share of the voters among them; some moved, some gone."""
    sizes = voters.group_by("COUNTY_NUMBER").len().sort("len", "COUNTY_NUMBER")
    sent = sizes.filter(pl.col("len").cum_sum() <= max(share * voters.height, sizes["len"][0]))["COUNTY_NUMBER"]
    rows = all_voters.filter(pl.col("COUNTY_NUMBER").is_in(sent.implode())).collect()
    draw = pl.Series(rng.random(rows.height))
    street = pl.Series([f"{at} HARVEST LANE" for at in rng.integers(1, 999, rows.height)])
    address = pl.when(draw < share).then(street).otherwise("RESIDENTIAL_ADDRESS1")
    return rows.with_columns(address.alias("RESIDENTIAL_ADDRESS1")).filter(draw < 1 - share / 3)


_AS_CRM = {
    "FIRST_NAME": "first_name", "LAST_NAME": "last_name", "RESIDENTIAL_ADDRESS1": "address", "RESIDENTIAL_CITY": "city",
    "RESIDENTIAL_STATE": "state", "RESIDENTIAL_ZIP": "zip", "DATE_OF_BIRTH": "birth_date",
}  # fmt: skip
