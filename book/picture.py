"""Draw the README's picture, from the answers of the README's own example: `python book/picture.py`."""

from __future__ import annotations

from pathlib import Path

import altair as alt
import vl_convert

import campaignkit as ck

PICTURE = Path(__file__).parent / "_static" / "readme.svg"
BY = ["region", "sex", "age_band", "party", "income_band", "interest"]


def main() -> None:
    """Draw what a naive ranking of segments promises beside what held up."""
    invited = ck.sample.megafile().universe("invited('host_a')")
    asked = {"unit": "person_id", "cluster": "household_id"}
    naive = ck.donors.discover_segments(
        invited, "entered('host_a')", BY, rank="lift", distinct=False, top=7, **asked
    ).chart()
    found = ck.donors.discover_segments(invited, "entered('host_a')", BY, **asked).chart()
    left = naive.properties(title="Ranked by raw lift: one effect seven times, flattered")
    right = found.properties(title="What campaignkit shows: each effect once, held out")
    both = (
        alt.vconcat(left, right).resolve_scale(x="shared").configure(background="white", font="sans-serif", padding=16)
    )
    PICTURE.write_text(vl_convert.vegalite_to_svg(both.to_dict()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
