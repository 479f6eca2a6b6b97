"""The patient's own pages, and the pages of the person they trust."""
