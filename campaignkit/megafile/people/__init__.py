"""One row a person from all of a person's records, and whom facts are about."""
