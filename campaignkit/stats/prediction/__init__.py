"""How good a prediction is, and predictions moved to known totals."""
