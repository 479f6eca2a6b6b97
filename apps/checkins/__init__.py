"""Check-ins: what a patient reports, and what triage makes of it."""
