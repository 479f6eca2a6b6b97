"""The previous release beside this one: on this release's tables, and while they are made."""
