"""What a user may say of a person: one grammar, and values that somebody has."""
