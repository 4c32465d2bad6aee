"""A night's files into a existing megafile, at once or not at all."""
