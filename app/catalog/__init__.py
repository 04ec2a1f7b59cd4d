"""SQLAlchemy tables, repositories, queries, activity log, migrations."""
