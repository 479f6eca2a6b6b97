"""What every application stands on when it speaks to PostgreSQL."""
