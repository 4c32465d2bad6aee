"""One row per person from all of a person's records, and who facts are about."""
