"""What must be fast, measured against what is physically possible. See `make bench`."""
