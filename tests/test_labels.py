"""What facts and values are called: every fact has a label, and no sentence shows how a fact is written."""

import pytest

from campaignkit import labels
from campaignkit.megafile.facts import FUNCTIONS

CONDITIONS = {"in_source", "suppressed", "tagged"}  # of a predicate, never what is measured


@pytest.mark.parametrize("fact", sorted(FUNCTIONS))
def test_every_fact_has_a_label(fact):
    arguments = ", ".join(f"'{value}'" for value in ["x", "y"][: FUNCTIONS[fact].least])
    called = labels.label(f"{fact}({arguments})")
    assert ("(" not in called) == (fact not in CONDITIONS)


def test_facts_inside_an_expression_are_called_too():
    assert labels.label("gifts('90d') > 0") == "dollars given in the last 90 days > 0"
    assert labels.described("donor and gave('online', '30d')") == "donor and gave online in the last 30 days"


def test_a_fact_nobody_knows_stays_as_written():
    assert labels.label("mood('x')") == "mood('x')"
    assert labels.label("entered()") == "entered()"
    assert labels.who("mood('x') > 2") == "with mood('x') > 2"


def test_a_campaigns_own_labels_win():
    own = {"host_a": "Lorna Vale", "y": "pledged"}
    assert labels.label("entered('host_a')", own) == "entered Lorna Vale's contest"
    assert labels.rate_of("y", "3.0%", own) == "the rate of pledged is 3.0%"
    assert labels.group("host", "host_a", own) == "Lorna Vale"
