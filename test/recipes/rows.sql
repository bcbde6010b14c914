-- Questions to the rows of a sweep, for DuckDB: duckdb < rows.sql in the folder of rows.parquet and rows.ndjson.

-- What does each allocator cost over all traces?
SELECT
  allocator,
  count(*) AS traces,
  sum("alloc.calls")::BIGINT AS page_calls,
  sum("alloc.callsInRun")::BIGINT AS in_run,
  max("memory.occupiedPeak") AS most_memory
FROM 'rows.parquet'
WHERE complete AND flush = 'none'
GROUP BY allocator
ORDER BY page_calls, allocator;

-- Which traces hold the most memory in reserve?
SELECT r.trace, r."alloc.heldPeak" AS reserved, k."alloc.heldPeak" AS needed
FROM 'rows.parquet' AS r
JOIN 'rows.parquet' AS k ON k.sha256 = r.sha256 AND k.flush = r.flush
WHERE r.allocator = 'reserve' AND k.allocator = 'kernel' AND r.flush = 'none'
ORDER BY reserved - needed DESC, r.trace
LIMIT 5;

-- The first again, of NDJSON as sweep and merge print it.
SELECT
  config ->> 'allocator' AS allocator,
  count(*) AS traces,
  sum(counters['alloc.calls'])::BIGINT AS page_calls,
  sum(counters['alloc.callsInRun'])::BIGINT AS in_run,
  max(counters['memory.occupiedPeak']) AS most_memory
FROM read_json(
  'rows.ndjson',
  format = 'newline_delimited',
  columns = { complete: 'BOOLEAN', config: 'JSON', counters: 'MAP(VARCHAR, BIGINT)' }
)
WHERE complete AND (config ->> 'flush') = 'none'
GROUP BY ALL
ORDER BY page_calls, allocator;

-- What failed, and why?
SELECT exit, error, count(*) AS cells FROM 'rows.parquet' WHERE NOT complete GROUP BY ALL ORDER BY cells DESC, error;
