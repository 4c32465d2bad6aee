"""What a forecast is made of: its settings, the polls as read, what was known before them, and learned scales."""
