"""Logistic regression on rows or cells, without a design matrix where there is none to need."""
