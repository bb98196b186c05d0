"""The restore drill: people, an operator and backups in any order, and what must always be true."""
