"""Clinics, their staff, their patients, and who may see whom."""
