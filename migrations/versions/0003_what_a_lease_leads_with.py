"""What a lease's holder leads with: the program's version and the hash of its whole configuration.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nobody knows it of a lease from before.
    op.add_column("leases", sa.Column("version", sa.Text(), nullable=True))
    op.add_column("leases", sa.Column("config", sa.Text(), nullable=True))
