"""The SQL that sums up the ledger. Times are cut in UTC."""

# ruff: noqa: S608 - what is put into the texts are the names of columns and levels, from this code

from metering.histogram import BUCKET
from metering.levels import DIMENSIONS, KEY, LEVELS, WINDOWED
from metering.models.rollups import HISTOGRAM, SUMS

HOUR, DAY, WINDOW = "hour", "day", "window"
COLUMNS = ("level", "starts_at", *DIMENSIONS, *SUMS, *HISTOGRAM)
# What no calls have in the columns of dimensions.
_NOTHING = {name: "''" if name in {"model_name", "kind"} else "0" for name in DIMENSIONS}
# How each sum is made of rows of the ledger.
_OF_CALLS = {
    "requests": "count(*)",
    "completed": "count(*) FILTER (WHERE outcome = 'completed')",
    "failures": (
        "count(*) FILTER (WHERE outcome IN ('provider_error', 'timeout', 'failed', 'lost'))"
    ),
    "cancelled": "count(*) FILTER (WHERE outcome = 'cancelled')",
    "blocked": "count(*) FILTER (WHERE outcome = 'blocked')",
    "prompt_tokens": "sum(prompt_tokens)",
    "completion_tokens": "sum(completion_tokens)",
    "cost": "sum(cost)",
    "latency_sum": "coalesce(sum(latency_ms) FILTER (WHERE outcome = 'completed'), 0)",
    "first_token_sum": "coalesce(sum(first_token_ms), 0)",
    "first_token_count": "count(first_token_ms)",
}


def _columns(alias: str) -> str:
    return ", ".join(f"{alias}.{name}" for name in COLUMNS)


def _type(name: str) -> str:
    return "" if name == "cost" else "::bigint"


def _sums() -> str:
    return ", ".join(f"sum({name}){_type(name)} AS {name}" for name in SUMS)


def _level_by_grouping() -> str:
    """Return the CASE that tells a level by what PostgreSQL's GROUPING says of its dimensions."""
    cases = []
    for level, names in LEVELS.items():
        left_out = [str(int(name not in names)) for name in DIMENSIONS]
        cases.append(f"WHEN {int(''.join(left_out), 2)} THEN '{level}'")
    return f"CASE GROUPING({', '.join(DIMENSIONS)}) {' '.join(cases)} END"


def _grouping_sets() -> str:
    sets = [", ".join(["starts_at", "bucket", *names]) for names in LEVELS.values()]
    return ", ".join(f"({one})" for one in sets)


# What is written: rows that are so already stay, so that a quiet minute writes nothing.
_WRITE = f"""
, gone AS (
    DELETE FROM metering_usagerollup AS old
    WHERE old.grain = %(grain)s AND old.starts_at >= %(begin)s AND old.starts_at < %(end)s
      AND NOT EXISTS (SELECT 1 FROM fresh WHERE ({_columns("fresh")}) = ({_columns("old")}))
)
INSERT INTO metering_usagerollup (grain, {", ".join(COLUMNS)})
SELECT %(grain)s, {_columns("fresh")} FROM fresh
WHERE NOT EXISTS (
    SELECT 1 FROM metering_usagerollup AS old
    WHERE old.grain = %(grain)s AND old.starts_at >= %(begin)s AND old.starts_at < %(end)s
      AND ({_columns("old")}) = ({_columns("fresh")})
)
ORDER BY fresh.level, fresh.starts_at, fresh.team_id, fresh.project_id, fresh.user_id
"""

# Hours or days, of the ledger: first by everything, and then by less and less of it.
LEDGER = f"""
WITH cells AS (
    SELECT date_trunc(%(grain)s, created_at, 'UTC') AS starts_at,
        coalesce(team_id, 0) AS team_id, coalesce(project_id, 0) AS project_id,
        coalesce(user_id, 0) AS user_id, coalesce(api_key_id, 0) AS api_key_id, model_name, kind,
        CASE WHEN outcome = 'completed' THEN {BUCKET} END AS bucket,
        {", ".join(f"{made} AS {name}" for name, made in _OF_CALLS.items())}
    FROM metering_usagerecord WHERE created_at >= %(begin)s AND created_at < %(end)s
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
), parts AS (
    SELECT {_level_by_grouping()} AS level, starts_at, bucket,
        {", ".join(f"coalesce({name}, {nothing}) AS {name}" for name, nothing in _NOTHING.items())},
        {_sums()}
    FROM cells GROUP BY GROUPING SETS ({_grouping_sets()})
), fresh AS MATERIALIZED (
    SELECT level, starts_at, {", ".join(DIMENSIONS)}, {_sums()},
        coalesce(array_agg(bucket ORDER BY bucket) FILTER (WHERE bucket IS NOT NULL), '{{}}')
            AS latency_buckets,
        coalesce(
            array_agg(requests ORDER BY bucket) FILTER (WHERE bucket IS NOT NULL), '{{}}'
        ) AS latency_counts
    FROM parts WHERE level <> '{KEY}' OR api_key_id <> 0
    GROUP BY level, starts_at, {", ".join(DIMENSIONS)}
)
{_WRITE}
"""

# One window, of its days.
WINDOWS = f"""
INSERT INTO metering_usagerollup (grain, {", ".join(COLUMNS)})
SELECT %(grain)s, level, %(begin)s::timestamptz, {", ".join(DIMENSIONS)}, {_sums()}, '{{}}', '{{}}'
FROM metering_usagerollup
WHERE grain = '{DAY}' AND starts_at >= %(begin)s AND starts_at < %(end)s
  AND level IN ({", ".join(f"'{level}'" for level in WINDOWED)})
GROUP BY level, {", ".join(DIMENSIONS)}
"""
