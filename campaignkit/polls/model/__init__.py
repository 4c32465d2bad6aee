"""What the questions of polls are made of."""
