import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCli } from './fake-io.ts';
import {
  difference,
  type FinalLine,
  firstDifferentLine,
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

/** The counters of `final` as our statistics name them, where a teardown came after the end that `final` describes. */
function finalCounters(
  counters: Readonly<Record<string, number>>,
  teardownFrees: number,
  entries: number,
): FinalLine['final'] {
  const frees = counters['tables.freed'] - teardownFrees;
  return {
    entries,
    tables_live: counters['tables.allocated'] - frees,
    tables_peak: counters['tables.peak'],
    allocs: counters['tables.allocated'],
    frees,
    dma_syncs: counters['walker.ptSyncs'],
    flush_walks: counters['tlb.flushWalks'],
    add_pages: counters['tlb.addPages'],
    // The kernel's run counted the once-only warning for partial unmaps apart.
    warns: counters['warns.total'] - (counters['warns.partial-unmap'] ?? 0),
  };
}

/** Replays a sequence and holds every line, the teardown, the final counters and the dump against the kernel's. */
async function compareSequence(path: string): Promise<void> {
  const { trace, expected, final } = readSequence(path);
  const stdin = final === null ? trace : `${trace.trimEnd()}\n{"op":"destroy","domain":"d0"}\n`;
  const replay = await runCli(['replay', '-', '--results', results, '--events', '--json'], { stdin });
  const lines = resultLines();
  const got = new Map(lines.map((line) => [line['seq'], line]));
  expect(expected.map((line) => difference(line, got.get(line['seq']))).filter((text) => text !== null)).toEqual([]);
  const { counters } = JSON.parse(replay.stdout) as { counters: Record<string, number> };
  checkFindings(path, lines, counters, replay.code);
  if (final === null) return;

  expect(lines.at(-1)).toMatchObject({ op: 'destroy', frees: final.teardownFrees });
  expect(finalCounters(counters, final.teardownFrees, final.entries)).toEqual(final.final);
  const dump = await runCli(['dump', path, '--view', 'raw', '--json']);
  expect(dump.code, dump.stderr).toBe(0);
  if (dump.stdout !== final.dump) expect.fail(`dump: ${firstDifferentLine(final.dump, dump.stdout)}`);
}

/** Violations that the result lines mark are findings, and findings decide the exit code. */
function checkFindings(
  path: string,
  lines: readonly Line[],
  counters: Readonly<Record<string, number>>,
  code: number,
): void {
  const { length: undefinedLines } = lines.filter((line) => line['undefined'] === true);
  const { length: overruns } = lines.filter((line) => line['pgdOverrun'] === true);
  expect(counters['findings.undefined-lookup'] ?? 0).toBe(undefinedLines);
  expect(counters['findings.pgd-overrun'] ?? 0).toBe(overruns);
  // Only 6.12 splits blocks, and it does so without asking for a gather.
  const splits = counters['findings.split-without-gather'] ?? 0;
  if (!path.includes('/v612/')) expect(splits).toBe(0);
  expect(code).toBe(undefinedLines + overruns + splits > 0 ? 1 : 0);
}

describe.each(FOLDERS)('golden sequences through the command line, %s', (folder, count) => {
  const paths = sequencePaths(folder);

  it(`are ${count}`, () => {
    expect(paths.length).toBe(count);
  });

  it.each(paths.map((path) => [sequenceName(path), path] as const))('%s', (_name, path) => compareSequence(path));
});
