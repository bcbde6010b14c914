import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type GoldenTraceEvent, type ResultLine, replayGolden } from './replay-golden.ts';

// The golden folder as test/golden has it: sequences/v71 and sequences/v612. All of them run (10 s for both kernels).
const GOLDEN = process.env['PGTRACE_GOLDEN'] ?? fileURLToPath(new URL('../golden/', import.meta.url));

function readLines(file: string): string[] {
  return gunzipSync(readFileSync(file)).toString('utf8').trim().split('\n');
}

/** The first key on which two lines differ, so that a failure does not print a dump of 100,000 entries. */
function firstDifference(want: ResultLine, got: ResultLine | undefined): ResultLine[] {
  const keys = [...new Set([...Object.keys(want), ...Object.keys(got ?? {})])];
  const key = keys.find((name) => !isDeepStrictEqual(want[name], got?.[name])) ?? '';
  const [a, b] = [want[key], got?.[key]];
  if (!Array.isArray(a) || !Array.isArray(b)) return [{ [key]: a }, { [key]: b }];
  const at = a.findIndex((item, i) => !isDeepStrictEqual(item, b[i]));
  const place = `${key}[${at === -1 ? a.length : at}]`;
  return [
    { length: a.length, [place]: a[at] },
    { length: b.length, [place]: b[at === -1 ? a.length : at] },
  ];
}

function compare(folder: string, name: string): void {
  const want = readLines(`${folder}/${name}.expected.ndjson.gz`);
  const events = readLines(`${folder}/${name}.trace.ndjson.gz`).map((text) => JSON.parse(text) as GoldenTraceEvent);
  const got = replayGolden(events);
  // The sequences of errors/ end with the domain and have no final line.
  const isWhole = want.some((text) => text.includes('"final":'));
  const lines = isWhole ? got : got.filter((line) => !('final' in line));
  want.forEach((text, i) => {
    // To compare texts is quicker where the keys stand in the same order.
    if (JSON.stringify(lines[i]) === text) return;
    const line = JSON.parse(text) as ResultLine;
    if (line['undefined'] === true || isDeepStrictEqual(line, lines[i])) return;
    const [a, b] = firstDifference(line, lines[i]);
    expect({ line: i, ...b }).toEqual({ line: i, ...a });
  });
  expect(lines.length).toBe(want.length);
}

for (const kernel of ['v71', 'v612']) {
  for (const part of ['', '/errors']) {
    const folder = `${GOLDEN.replace(/\/$/, '')}/sequences/${kernel}${part}`;
    describe(`naive engine against the kernel: ${kernel}${part}`, () => {
      const traces = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.trace.ndjson.gz')) : [];
      it('has golden sequences to compare with', () => expect(traces, `none in ${folder}`).not.toEqual([]));
      for (const file of traces.sort()) {
        const name = file.slice(0, -'.trace.ndjson.gz'.length);
        it(name, () => compare(folder, name));
      }
    });
  }
}
