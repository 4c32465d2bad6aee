"""What scores and rankings are made with: features to columns, cells, models, and how good they are."""
