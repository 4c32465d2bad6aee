"""Which records are one person: deterministic rules first, then a Splink model on what they leave."""
