"""A file that no layout knows: what its columns seem to be, and a layout to begin with."""
