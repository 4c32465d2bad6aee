"""One row a person from all of a person's records, and who facts are about."""
