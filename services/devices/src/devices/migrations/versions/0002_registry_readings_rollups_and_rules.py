"""The registry, the readings and their rollups, rules and alerts."""

from collections.abc import Sequence

from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ROLLUP = """
CREATE TABLE devices.{name} (
    series_id integer NOT NULL,
    bucket timestamptz NOT NULL,
    unit_id integer NOT NULL,
    count bigint NOT NULL,
    total numeric NOT NULL,
    minimum numeric(20, 10) NOT NULL,
    maximum numeric(20, 10) NOT NULL,
    CONSTRAINT pk_{name} PRIMARY KEY (series_id, bucket, unit_id)
)
"""

_STATEMENTS = (
    # Partitions live apart, so that comparing models with the schema does not meet them.
    "CREATE SCHEMA IF NOT EXISTS devices_data",
    """
    CREATE TABLE devices.device (
        id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_device PRIMARY KEY,
        public_id uuid NOT NULL CONSTRAINT uq_device_public_id UNIQUE,
        name varchar(255) NOT NULL,
        status varchar(20) NOT NULL,
        description varchar NOT NULL DEFAULT '',
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        token_hash bytea CONSTRAINT uq_device_token_hash UNIQUE
    )
    """,
    "CREATE INDEX ix_device_status ON devices.device (status)",
    """
    CREATE TABLE devices.presence (
        device_id integer NOT NULL CONSTRAINT pk_presence PRIMARY KEY
            CONSTRAINT fk_presence_device_id REFERENCES devices.device ON DELETE CASCADE,
        last_seen_at timestamptz NOT NULL,
        recent timestamptz[] NOT NULL
    ) WITH (fillfactor = 50)
    """,
    """
    CREATE TABLE devices.unit (
        id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_unit PRIMARY KEY,
        symbol varchar(32) NOT NULL CONSTRAINT uq_unit_symbol UNIQUE
    )
    """,
    "INSERT INTO devices.unit (symbol) VALUES ('')",
    """
    CREATE TABLE devices.series (
        id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_series PRIMARY KEY,
        device_id integer NOT NULL
            CONSTRAINT fk_series_device_id REFERENCES devices.device ON DELETE CASCADE,
        metric varchar(100) NOT NULL,
        kept_days smallint NOT NULL,
        unit_id integer NOT NULL DEFAULT 1,
        first_at timestamptz,
        last_at timestamptz,
        last_value numeric(20, 10),
        last_unit_id integer NOT NULL DEFAULT 1
    ) WITH (fillfactor = 50)
    """,
    "CREATE UNIQUE INDEX uq_series_device_id_metric ON devices.series (device_id, metric)",
    "CREATE SEQUENCE devices.measurement_id AS bigint CACHE 100",
    """
    CREATE TABLE devices.measurement (
        id bigint NOT NULL DEFAULT nextval('devices.measurement_id'),
        timestamp timestamptz NOT NULL,
        series_id integer NOT NULL,
        unit_id integer NOT NULL,
        kept_days smallint NOT NULL,
        quality smallint NOT NULL,
        value numeric(20, 10) NOT NULL
    ) PARTITION BY LIST (kept_days)
    """,
    _ROLLUP.format(name="hourly"),
    _ROLLUP.format(name="daily"),
    """
    CREATE TABLE devices.rollup_mark (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_rollup_mark PRIMARY KEY,
        series_id integer NOT NULL,
        hour timestamptz NOT NULL
    )
    """,
    "CREATE INDEX ix_rollup_mark_series_id_hour ON devices.rollup_mark (series_id, hour)",
    "CREATE TABLE devices.orphan (series_id integer NOT NULL CONSTRAINT pk_orphan PRIMARY KEY)",
    """
    CREATE FUNCTION devices.keep_orphan() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO devices.orphan VALUES (OLD.id) ON CONFLICT DO NOTHING;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER keep_orphan AFTER DELETE ON devices.series
        FOR EACH ROW EXECUTE FUNCTION devices.keep_orphan()
    """,
    """
    CREATE TABLE devices.repeat (
        scope bytea NOT NULL CONSTRAINT pk_repeat PRIMARY KEY,
        body_hash bytea NOT NULL,
        accepted integer NOT NULL,
        made_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX ix_devices_repeat_made_at ON devices.repeat (made_at)",
    """
    CREATE TABLE devices.rule (
        id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_rule PRIMARY KEY,
        device_id integer NOT NULL
            CONSTRAINT fk_rule_device_id REFERENCES devices.device ON DELETE CASCADE,
        metric varchar(100) NOT NULL DEFAULT '',
        kind varchar(20) NOT NULL
            CONSTRAINT ck_rule_kind CHECK (kind IN ('threshold', 'rate', 'silence')),
        severity varchar(20) NOT NULL,
        enabled boolean NOT NULL DEFAULT true,
        parameters jsonb NOT NULL,
        state jsonb NOT NULL DEFAULT '{}'::jsonb,
        evaluated_to timestamptz,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX ix_rule_device_id_metric ON devices.rule (device_id, metric)",
    """
    CREATE TABLE devices.alert (
        id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_alert PRIMARY KEY,
        device_id integer NOT NULL
            CONSTRAINT fk_alert_device_id REFERENCES devices.device ON DELETE CASCADE,
        rule_id integer
            CONSTRAINT fk_alert_rule_id REFERENCES devices.rule ON DELETE SET NULL,
        metric varchar(100) NOT NULL,
        kind varchar(20) NOT NULL,
        severity varchar(20) NOT NULL,
        message varchar NOT NULL,
        value numeric(20, 10),
        began_at timestamptz NOT NULL,
        ended_at timestamptz
    )
    """,
    "CREATE INDEX ix_devices_alert_device_id ON devices.alert (device_id)",
    "CREATE UNIQUE INDEX uq_alert_open_rule ON devices.alert (rule_id) WHERE ended_at IS NULL",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP SCHEMA devices_data CASCADE")
    for table in (
        "alert", "rule", "repeat", "orphan", "rollup_mark", "daily", "hourly", "measurement",
        "series", "unit", "presence", "device",
    ):  # fmt: skip
        op.execute(f"DROP TABLE devices.{table} CASCADE")
    op.execute("DROP SEQUENCE devices.measurement_id")
    op.execute("DROP FUNCTION devices.keep_orphan")
