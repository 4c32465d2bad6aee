"""A night's files into a standing megafile, at once or not at all."""
