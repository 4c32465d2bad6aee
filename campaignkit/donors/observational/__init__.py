"""What the comparisons of people who joined with people who did not are made of."""
