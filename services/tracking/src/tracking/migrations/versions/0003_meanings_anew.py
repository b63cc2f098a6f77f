"""meanings anew: anomalies are told to the encoder without codes and figures."""

from collections.abc import Sequence

from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    # The service embeds what has none, a few at a time.
    op.execute("UPDATE tracking.anomalies SET embedding = NULL WHERE embedding IS NOT NULL")


def downgrade() -> None:
    op.execute("UPDATE tracking.anomalies SET embedding = NULL WHERE embedding IS NOT NULL")
