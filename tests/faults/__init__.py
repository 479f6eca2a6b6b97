"""Break every part of a running clinic at random instants and count what the patients lost."""
