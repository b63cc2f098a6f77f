"""Rollups of five minutes, reckoned by the service's workers from the readings that are there."""

from collections.abc import Sequence

from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE devices.five_minute (
            series_id integer NOT NULL,
            bucket timestamptz NOT NULL,
            unit_id integer NOT NULL,
            count bigint NOT NULL,
            total numeric NOT NULL,
            minimum numeric(20, 10) NOT NULL,
            maximum numeric(20, 10) NOT NULL,
            CONSTRAINT pk_five_minute PRIMARY KEY (series_id, bucket, unit_id)
        )
        """
    )
    # A marked hour is answered from its readings until a worker has reckoned it anew.
    op.execute(
        "INSERT INTO devices.rollup_mark (series_id, hour)"
        " SELECT DISTINCT series_id, bucket FROM devices.hourly ORDER BY 1, 2"
    )


def downgrade() -> None:
    op.execute("DROP TABLE devices.five_minute")
