"""Run by Alembic for each command. The connection and its transaction belong to whoever called `settings`."""

from __future__ import annotations

from alembic import context

from wheelyard.storage.database import METADATA
from wheelyard.storage.migrations.alembic_runs import COMPARING

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, **COMPARING)
with context.begin_transaction():
    context.run_migrations()
