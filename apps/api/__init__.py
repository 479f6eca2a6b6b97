"""The JSON API `/api/v1/` for a clinic's own programs: what the pages do, for programs."""
