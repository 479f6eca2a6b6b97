"""A clinic's own programs: who let them in, in whose name they act, what each may ask for."""
