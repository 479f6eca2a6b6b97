"""Users of the clinic staff and how they sign in."""
