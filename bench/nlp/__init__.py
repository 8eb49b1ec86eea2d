"""What is understood of words: measured beside what others would make of the same."""
