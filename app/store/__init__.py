"""SQLAlchemy tables and queries, one file per noun; callers commit."""
