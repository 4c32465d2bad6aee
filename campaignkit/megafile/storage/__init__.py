"""A megafile's file: opened for reading without a way out, replaced whole or not at all."""
