"""What an analyst puts into a standing megafile: scores, tags and columns of their own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import polars as pl

from campaignkit.errors import BadValue
from campaignkit.megafile.connection import Connection
from campaignkit.megafile.storage.scores import write_scores
from campaignkit.restrictions import restrictions_of, stated


class Additions(Connection):
    """A megafile into which an analyst puts what they made."""

    def write_scores(
        self,
        name: str,
        scores: pl.DataFrame,
        *,
        scored_on: date | None = None,
        restricted: Iterable[str] | None = None,
        warning: str | None = None,
    ) -> int:
        """Put a score of some people into the megafile, where ``score('name')`` finds it; return how many.

        A changed copy takes the file's place, whole or not at all, and is what this Megafile then reads. Relations
        made before keep reading the old one.

        Parameters
        ----------
        name : str
            The score's name. One of the same name and date is replaced; earlier dates stay.
        scores : DataFrame
            person_id and value, each person once.
        scored_on : date or None
            As of when. None: the megafile's own date.
        restricted : str, iterable of str or None
            What in it may not serve soliciting, such as ``"fec_gifts"``; ``()``: there is no FEC data in it. None: what
            is known of `scores`, see `universe_of`; of a table from outside nothing is, and no list to raise money is
            ranked by it.
        warning : str or None
            What every list that ranks by it says, such as "ranks no better than chance". None: nothing.

        Raises
        ------
        BadValue
            A person_id or value is null, comes twice, or is nobody's; or the megafile was opened for writing.
        RefreshRefused
            The megafile is being written to by another process, or the disk has no room.

        Examples
        --------
        >>> import shutil
        >>> import tempfile
        >>> import campaignkit as ck
        >>> import polars as pl
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with ck.Megafile.open(shutil.copy(ck.sample.megafile().path, folder)) as mf:
        ...         people = mf.universe("donor").features(["person_id"]).limit(3).pl()["person_id"]
        ...         written = mf.write_scores("warmth", pl.DataFrame({"person_id": people, "value": [0.9, 0.5, 0.1]}))
        ...         written, mf.universe("score('warmth') >= 0.5").count()
        (3, 2)
        """
        if not self._read_only:
            raise BadValue("This megafile is open for writing; open it anew: Megafile.open(path).")
        known = stated(restrictions_of(scores), restricted)
        count = write_scores(self.path, name, scores, scored_on or self.as_of, known, warning)
        self._move_on()
        return count
