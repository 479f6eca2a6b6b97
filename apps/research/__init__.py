"""What leaves a clinic for research: rows of patients whom nobody can be told by."""
