"""The clinical rules: drugs, tablets, tapers, pace, symptoms, triage and risk.

Plain Python that a clinician can review: the standard library only, no clock,
no network, no database, and the same answer every time for the same question.
"""
