"""The servers and the supervisor behind `make run`; `make test` borrows the same servers.

Nothing here is used in production, and nothing here knows a patient, a plan or an alert.
"""
