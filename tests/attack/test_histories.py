"""No suppressed contact point is ever written, whatever was built, refreshed, asked and listed before."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    get_state_machine_test,
    initialize,
    multiple,
    precondition,
    rule,
)

from tests.attack.attempts import Attempt
from tests.attack.expressions import HOSTILE, RANKS, WELL_MEANT
from tests.attack.history import OPTIONAL, VIEWS, History
from tests.attack.oracle import CHANNELS
from tests.attack.town import FIRST_DROP, SOURCES

TOWNS = 8  # how many towns the histories of one seed begin in: each is built once
AT_ONCE = 20  # histories of one seed
STEPS = 12

WORDS = st.lists(st.sampled_from(WELL_MEANT) | st.sampled_from(HOSTILE), max_size=3)
DATES = st.sampled_from([None, None, None, "2012-06-30", "2012-01-01", "2008-11-04"])
HOW = st.dictionaries(st.sampled_from(SOURCES), st.sampled_from(["shortened", "reordered"]))
CAPS = st.fixed_dictionaries(
    {}, optional={"limit": st.sampled_from([1, 3, 100]), "per_household": st.sampled_from([None, 1, 2]),
                  "per_phone": st.sampled_from([None, 1]), "cooldown_days": st.sampled_from([None, 0, 7])}
)  # fmt: skip


class Histories(RuleBasedStateMachine):
    """Steps in any order; the first one that breaks a promise ends the history."""

    first_town = 0
    counting = False
    ended: list[History]

    universes = Bundle("universes")
    lists = Bundle("lists")

    @initialize(target=universes, town=st.integers(0, TOWNS - 1))
    def begin(self, town: int):
        self.history = History(self.first_town + town, self.counting)
        return self.history.mf.universe(), False

    @rule(target=universes, words=WORDS, as_of=DATES)
    def universe(self, words, as_of):
        return self._kept(self.history.universe(words, as_of))

    @rule(target=universes, one=universes, other=universes, how=st.sampled_from(["and", "or", "but not"]))
    def together(self, one, other, how):
        return self._kept(self.history.together(one, other, how))

    @rule(target=universes, universe=universes, view=st.sampled_from(VIEWS))
    def through(self, universe, view):
        return self._kept(self.history.through(universe, view))

    @rule(target=lists, universe=universes, channel=st.sampled_from(CHANNELS),
          purpose=st.sampled_from(["fundraise", "volunteer", "persuade", "turnout"]), rank=st.sampled_from(RANKS), caps=CAPS)  # fmt: skip
    def listed(self, universe, channel, purpose, rank, caps):
        made = self.history.list(universe, channel, purpose, rank, caps)
        if made is not None:
            self.history.write(made, "csv")
        return self._kept(made)

    @rule()
    def default_lists(self):
        self.history.default_lists()

    @rule(made=lists, written_as=st.sampled_from(["csv", "csv", "van"]))
    def written_late(self, made, written_as):
        self.history.write(made, written_as)

    @rule(universe=universes, kind=st.sampled_from(["email", "phone"]))
    def hashed(self, universe, kind):
        self.history.hashed(universe, kind)

    @rule(days=st.integers(1, 30), events=st.integers(1, 5))
    def days_pass(self, days, events):
        self.history.days_pass(days, events)

    @precondition(lambda self: self.history.town.drops < 4)
    @rule(sources=st.lists(st.sampled_from([*FIRST_DROP, *FIRST_DROP, *OPTIONAL]), min_size=1, max_size=4, unique=True),
          how=HOW, refresh=st.sampled_from([True, False, False]))  # fmt: skip
    def drop(self, sources, how, refresh):
        self.history.drop(sources, how, refresh)

    def _kept(self, made):
        return multiple() if made is None else made

    def teardown(self):
        if hasattr(self, "history"):
            self.ended.append(self.history)
            self.history.end()


def run(at: int, histories: int, phases: tuple[Phase, ...], counting: bool = False) -> list[History]:
    """Run histories of one seed and return them; counting, one that breaks a promise ends, and the next begins."""
    machine = type("Machine", (Histories,), {"first_town": TOWNS * at, "counting": counting, "ended": []})
    options = settings(
        max_examples=histories, stateful_step_count=STEPS, deadline=None, database=None, phases=phases,
        suppress_health_check=list(HealthCheck), print_blob=False,
    )  # fmt: skip
    seed(at)(get_state_machine_test(machine, settings=options))()
    return machine.ended


def histories(at: int) -> list[Attempt]:
    """Run the histories of one seed and return what came of each."""
    return [history.attempt(at) for history in run(at, AT_ONCE, (Phase.generate,), counting=True)]


@pytest.mark.slow
@pytest.mark.parametrize("at", range(1))
def test_no_suppressed_contact_point_is_written(at):
    run(at, 3, (Phase.generate,))


@pytest.mark.slow
@pytest.mark.parametrize("at", range(1, 4))
def test_nor_in_long_searches(at):
    run(at, 20, (Phase.generate, Phase.shrink))
