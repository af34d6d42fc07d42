"""What runs of older layouts are found by, taken out of their JSON as no store does it otherwise.

The core tells a store the facets of a run with every event. Runs that were stored before it did are to be found like
all others, and most of them get no event any more.
"""

from __future__ import annotations

from typing import Final

STATEMENTS: Final = (
    "CREATE TABLE searched (run INTEGER NOT NULL, title_text TEXT NOT NULL, facets TEXT NOT NULL, PRIMARY KEY (run))",
    """
    CREATE TABLE run_facets (
        facet TEXT NOT NULL,
        shelf INTEGER NOT NULL,
        created_ms INTEGER NOT NULL,
        id TEXT NOT NULL,
        run INTEGER NOT NULL,
        PRIMARY KEY (facet, shelf, created_ms, id)
    ) WITHOUT ROWID
    """,
    """
    CREATE TEMP VIEW texts AS
        SELECT run, id, bucket, created_ms, parent_id, automation_id, workflow, workflow_key, repo_key,
               CASE WHEN json_valid(CAST(body AS TEXT)) THEN CAST(body AS TEXT) ELSE '{}' END AS text
        FROM runs
    """,
    """
    CREATE TEMP VIEW older_facets AS
        SELECT *, 'parent:' || parent_id AS facet FROM texts
        UNION ALL SELECT *, 'automation:' || automation_id FROM texts
        UNION ALL SELECT *, 'workflow:' || lower(json_extract(workflow, '$[0]')) FROM texts
        UNION ALL SELECT *, 'workflow:' || workflow_key FROM texts WHERE workflow_key != ''
        UNION ALL SELECT *, 'repo:' || repo_key FROM texts WHERE repo_key != ''
        UNION ALL SELECT *, 'login:' || lower(json_extract(text, '$.created_by.login')) FROM texts
        UNION ALL
            SELECT *, 'person:' || length(json_extract(text, '$.created_by.identity.issuer'))
                || ':' || json_extract(text, '$.created_by.identity.issuer')
                || json_extract(text, '$.created_by.identity.subject')
            FROM texts
        UNION ALL SELECT texts.*, 'labelled:' || label.key FROM texts, json_each(text, '$.labels') AS label
        UNION ALL
            SELECT texts.*, 'label:' || length(label.key) || ':' || label.key || label.value
            FROM texts, json_each(text, '$.labels') AS label
    """,
    """
    INSERT INTO run_facets
        SELECT DISTINCT facet, max(0, bucket - 6), created_ms, id, run FROM older_facets WHERE facet IS NOT NULL
    """,
    """
    INSERT INTO searched
        WITH lists AS MATERIALIZED (SELECT run, json_group_array(facet) AS facets FROM run_facets GROUP BY run)
        SELECT run, casefold(coalesce(json_extract(text, '$.title'), '')), coalesce(facets, '[]')
        FROM texts LEFT JOIN lists USING (run)
    """,
    "DELETE FROM run_counts WHERE scope LIKE 'automation:%'",
    """
    INSERT INTO run_counts
        SELECT '=' || facet, bucket, count(*) FROM run_facets JOIN runs USING (run) GROUP BY facet, bucket
    """,
    "DROP VIEW older_facets",
    "DROP VIEW texts",
    "DROP INDEX runs_by_parent",
    "DROP INDEX runs_by_automation",
    "ALTER TABLE runs DROP COLUMN automation_id",
)
