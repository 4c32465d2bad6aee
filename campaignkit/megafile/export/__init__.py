"""A list on disk: checked again when written, its cells defused, noted in the log of exports."""
