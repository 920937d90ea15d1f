"""What Alembic runs for each command: the connection comes from meetings.migrations, never from a file."""

from alembic import context

from meetings.database import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
