"""How the tables came to be: Alembic's steps, each up and down."""
