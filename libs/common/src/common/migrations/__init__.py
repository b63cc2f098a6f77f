"""The one Alembic environment that migrates every service's schema."""
