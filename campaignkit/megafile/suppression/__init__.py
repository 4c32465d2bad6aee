"""Who may not be reached, and by which address or number: the rules, kept refusals, the words that mean no."""
