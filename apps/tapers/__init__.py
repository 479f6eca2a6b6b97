"""Taper plans: what the engine computed, what a prescriber activated, what holds it."""
