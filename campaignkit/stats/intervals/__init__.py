"""How sure: intervals, differences, many hypotheses at once, looks over time, shrinkage."""
