"""What other programs print for drawn data, with the scripts that made it; tests read the numbers alone."""
