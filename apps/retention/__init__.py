"""How long a record is kept, what stops its removal, and the job that removes it."""
