"""The statements by which a group of readings is stored."""

from typing import Final

from devices.store.directory import NO_UNIT

MOST_SIGHTINGS: Final = 16
COLUMNS: Final = ("series_id", "kept_days", "unit_id", "quality", "timestamp", "value")
OWNERS: Final = """
SELECT id, token_hash, public_id::text FROM devices.device
WHERE id = ANY($1) ORDER BY id FOR KEY SHARE
"""
REPEATS: Final = """
INSERT INTO devices.repeat (scope, body_hash, accepted)
SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::int[]) ORDER BY 1
ON CONFLICT (scope) DO UPDATE SET scope = excluded.scope
RETURNING scope, body_hash, accepted, xmax = 0 AS is_new
"""
# In one order, whatever the order in which they came: two writers of the same rows wait for each
# other instead of deadlocking.
_INSERT: Final = """
INSERT INTO devices.measurement (series_id, kept_days, unit_id, quality, timestamp, value)
SELECT s, k, u, q, t::timestamptz, v::numeric
FROM unnest($1::int[], $2::smallint[], $3::int[], $4::smallint[], $5::text[], $6::text[])
    AS r (s, k, u, q, t, v)
{where} ORDER BY 1, 5, 6
"""
# What the rows change beside: the newest of each series, hours to reckon anew, sightings.
_TOUCH: Final = """
seen AS MATERIALIZED (
    SELECT * FROM unnest(
        {0}::int[], {1}::timestamptz[], {2}::timestamptz[], {3}::text[], {4}::int[]
    )
        AS s (series_id, first_at, last_at, value, unit_id)
    {where}
), locked AS (
    SELECT id FROM devices.series WHERE id IN (SELECT series_id FROM seen)
    ORDER BY id FOR NO KEY UPDATE
), moved AS (
    UPDATE devices.series s SET
        first_at = LEAST(s.first_at, seen.first_at),
        last_at = GREATEST(s.last_at, seen.last_at),
        unit_id = CASE WHEN seen.unit_id <> {no_unit} THEN seen.unit_id ELSE s.unit_id END,
        last_value = CASE WHEN s.last_at > seen.last_at
            THEN s.last_value ELSE seen.value::numeric END,
        last_unit_id = CASE WHEN s.last_at > seen.last_at
            THEN s.last_unit_id ELSE seen.unit_id END
    FROM seen JOIN locked ON locked.id = seen.series_id WHERE s.id = seen.series_id
), marked AS (
    INSERT INTO devices.rollup_mark (series_id, hour)
    SELECT * FROM unnest({5}::int[], {6}::timestamptz[]) AS m (series_id, hour) {where}
), sighted AS (
    INSERT INTO devices.presence AS p (device_id, last_seen_at, recent)
    SELECT device_id, max(at), array_agg(at ORDER BY at)
    FROM unnest({7}::int[], {8}::timestamptz[]) AS n (device_id, at) {where}
    GROUP BY device_id ORDER BY device_id
    ON CONFLICT (device_id) DO UPDATE SET
        last_seen_at = GREATEST(p.last_seen_at, excluded.last_seen_at),
        recent = (
            SELECT array_agg(at ORDER BY at) FROM (
                SELECT DISTINCT at FROM unnest(p.recent || excluded.recent) AS a (at)
                ORDER BY at DESC LIMIT {most_sightings}
            ) AS newest
        )
)
"""


def _touch(first: int, *, where: str) -> str:
    places = (f"${number}" for number in range(first, first + 9))
    return _TOUCH.format(*places, where=where, no_unit=NO_UNIT, most_sightings=MOST_SIGHTINGS)


_WHERE_OWNED: Final = "WHERE (SELECT holds FROM guard)"
INSERT: Final = f"{_INSERT.format(where='')} ON CONFLICT DO NOTHING"
TOUCH: Final = f"WITH {_touch(1, where='')} SELECT 1"
# A small group in one statement and one round trip. It stores nothing unless every device is
# there and every token still holds; then the group is judged one by one.
AT_ONCE: Final = f"""
WITH owners AS MATERIALIZED (
    SELECT id, token_hash, public_id::text FROM devices.device
    WHERE id = ANY($16) ORDER BY id FOR KEY SHARE
), guard AS MATERIALIZED (
    SELECT NOT EXISTS (
        SELECT FROM unnest($16::int[], $17::bytea[]) AS w (id, token_hash)
        LEFT JOIN owners o ON o.id = w.id
        WHERE o.id IS NULL OR o.token_hash IS DISTINCT FROM COALESCE(w.token_hash, o.token_hash)
    ) AS holds
), stored AS (
    {_INSERT.format(where=_WHERE_OWNED)} ON CONFLICT DO NOTHING
), {_touch(7, where=_WHERE_OWNED)}
SELECT id, public_id FROM owners WHERE (SELECT holds FROM guard)
"""
