"""What a clinic looks at: board, patient page, alert page, health of the system."""
