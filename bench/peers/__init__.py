"""What we measure ourselves against: the same conversation, written as each library's documentation would have it."""
