"""Alerts that cannot be lost: the ladder, the deliveries, the sweep."""
