"""A table of people to each arm's moments, levels and differences."""
