"""What the search for segments and the match of hosts are made of: codes, counts, evidence, and tables of these."""
