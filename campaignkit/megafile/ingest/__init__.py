"""Files to the latest word on each key: files, lines, records, canonical rows, what counts."""
