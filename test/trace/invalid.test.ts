import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runCli } from '../cli/fake-io.ts';

const FOLDER = fileURLToPath(new URL('../../traces/invalid/', import.meta.url));
const SUFFIX = '.expected.txt';
const files = readdirSync(FOLDER).filter((name) => !name.endsWith(SUFFIX));

/** Events before the fault where it is not the four of a good start: the `trace` and `domain` lines, a map and its unmap. */
const EVENTS_BEFORE: Readonly<Record<string, number>> = {
  'bind-bo-too-small.ndjson': 5,
  'bind-segment-askew.ndjson': 5,
  'map-in-pvr-domain.ndjson': 5,
  'cleanup-twice.ndjson': 7,
  'domain-destroyed-then-used.ndjson': 5,
  'domain-not-named.ndjson': 5,
  'domain-refused-then-used.ndjson': 2,
  'exec-of-sync-job.ndjson': 5,
  'exec-twice.ndjson': 6,
  'job-still-there.ndjson': 5,
  'rcu-read-before-domain.ndjson': 1,
  'rcu-read-end-twice.ndjson': 6,
  'reserve-domain-destroyed.ndjson': 5,
  'trace-version-2.ndjson': 0,
  'window-type-changed.ndjson': 5,
  'ftrace-cut-line.txt': 3,
};

interface Document {
  readonly complete: boolean;
  readonly trace: { readonly events: number };
  readonly counters: Readonly<Record<string, unknown>>;
}

/** What the map and the unmap of a good start cost. */
const GOOD_START = { 'ops.map': 1, 'ops.unmap': 1, 'leaves.written': 1, 'leaves.cleared': 1 };

describe('traces/invalid', () => {
  it('holds a fault of every kind, each with its message', () => {
    expect(files.length).toBeGreaterThanOrEqual(25);
    const expected = readdirSync(FOLDER).filter((name) => name.endsWith(SUFFIX));
    expect(expected.sort()).toEqual(files.map((name) => name + SUFFIX).sort());
  });

  // PGTRACE_WRITE_EXPECTED=1 writes the messages anew; read the difference before keeping it.
  it.each(files)('%s', async (name) => {
    const { code, stdout, stderr } = await runCli(['replay', FOLDER + name, '--json']);
    const message = stderr.replaceAll(FOLDER + name, 'FILE');
    if (process.env['PGTRACE_WRITE_EXPECTED'] === '1') writeFileSync(FOLDER + name + SUFFIX, message);
    expect(existsSync(FOLDER + name + SUFFIX) ? readFileSync(FOLDER + name + SUFFIX, 'utf8') : '').toBe(message);
    expect(code).toBe(3);
    const document = JSON.parse(stdout) as Document;
    expect(document.complete).toBe(false);
    if (/^(format-|bzip2)/.test(name)) expect(document.trace.events).toBe(0);
    else if (/^(gzip|zstd)-/.test(name)) expect(document.trace.events).toBeLessThanOrEqual(304);
    else expect(document.trace.events).toBe(EVENTS_BEFORE[name] ?? 4);
    // One page was mapped and unmapped again before the fault, as the counters say.
    if (document.trace.events === 4) expect(document.counters).toMatchObject(GOOD_START);
  });
});
