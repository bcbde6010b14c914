import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { runCli } from './fake-io.ts';
import {
  type DumpEntry,
  difference,
  type FinalLine,
  type Line,
  readSequence,
  sequenceName,
  sequencePaths,
} from './golden-sequence.ts';

const scratch = mkdtempSync(join(tmpdir(), 'pgtrace-sequences-'));
const results = join(scratch, 'results.ndjson');
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Golden sequences by kernel, and how many of each kind there are: a folder that went missing must not pass. */
const FOLDERS: readonly (readonly [string, number])[] = [
  ['v71', 58],
  ['v612', 48],
  ['v71/errors', 35],
  ['v612/errors', 35],
];

function resultLines(): Line[] {
  const text = readFileSync(results, 'utf8');
  return text === ''
    ? []
    : text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Line);
}

/** The counters of `final` as our statistics name them. */
function finalCounters(counters: Readonly<Record<string, number>>, entries: number): FinalLine['final'] {
  return {
    entries,
    tables_live: counters['tables.live'],
    tables_peak: counters['tables.peak'],
    allocs: counters['tables.allocated'],
    frees: counters['tables.freed'],
    dma_syncs: counters['walker.ptSyncs'],
    flush_walks: counters['tlb.flushWalks'],
    add_pages: counters['tlb.addPages'],
    // The kernel's run counted the once-only warning for partial unmaps apart.
    warns: counters['warns.total'] - (counters['warns.partial-unmap'] ?? 0),
  };
}

function firstDifferent(want: readonly DumpEntry[], got: readonly DumpEntry[]): string {
  const at = want.findIndex((entry, i) => !isDeepStrictEqual(entry, got[i]));
  const place = at < 0 ? want.length : at;
  return `${got.length} entries, want ${want.length}; entry ${place}: ${JSON.stringify([want[place], got[place]])}`;
}

/** Replays a sequence and holds every line, the final counters, the dump and the teardown against the kernel's. */
async function compareSequence(path: string): Promise<void> {
  const { trace, expected, final } = readSequence(path);
  const replay = await runCli(['replay', path, '--results', results, '--events', '--json']);
  const got = new Map(resultLines().map((line) => [line['seq'], line]));
  expect(expected.map((line) => difference(line, got.get(line['seq']))).filter((text) => text !== null)).toEqual([]);
  const violations = expected.some((line) => line['undefined'] === true || line['pgdOverrun'] === true);
  expect(replay.code, replay.stderr).toBe(violations ? 1 : 0);
  if (final === null) return;

  const dump = await runCli(['dump', path, '--view', 'raw', '--json']);
  expect(dump.code, dump.stderr).toBe(0);
  const entries = dump.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as DumpEntry & { domain?: string });
  for (const entry of entries) delete entry.domain;
  if (!isDeepStrictEqual(entries, final.dump)) expect.fail(`dump: ${firstDifferent(final.dump, entries)}`);
  const { counters } = JSON.parse(replay.stdout) as { counters: Record<string, number> };
  expect(finalCounters(counters, entries.length)).toEqual(final.final);

  const ended = `${trace.trimEnd()}\n{"op":"destroy","domain":"d0"}\n`;
  await runCli(['replay', '-', '--results', results], { stdin: ended });
  expect(resultLines().at(-1)).toMatchObject({ op: 'destroy', frees: final.teardownFrees });
}

describe.each(FOLDERS)('golden sequences through the command line, %s', (folder, count) => {
  const paths = sequencePaths(folder);

  it(`are ${count}`, () => {
    expect(paths.length).toBe(count);
  });

  it.each(paths.map((path) => [sequenceName(path), path] as const))('%s', (_name, path) => compareSequence(path));
});
