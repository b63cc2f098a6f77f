"""The request that queued an inspection."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    for name in ("request_id", "traceparent"):
        column = sa.Column(name, sa.Text(), nullable=True)
        op.add_column("inspections", column, schema="orchestrator")


def downgrade() -> None:
    for name in ("traceparent", "request_id"):
        op.drop_column("inspections", name, schema="orchestrator")
