"""Plans: what to buy where, under a budget."""
