"""What one can talk about: one file a conversation. Each asks, and returns a fact or nothing."""
