import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Json } from '../../../src/base/stable-json.ts';
import { runCli } from '../../cli/fake-io.ts';
import { compile, expectValid, printedSchema, undescribed } from './ajv.ts';
import { SchemaWalk } from './walk.ts';

const TRACES = new URL('../../../traces/', import.meta.url).pathname;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgtrace-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function stats(file: string, trace: string, ...args: string[]): Promise<string> {
  const { stdout } = await runCli(['replay', `${TRACES}${trace}`, '--json', '-q', ...args]);
  const path = join(folder, file);
  writeFileSync(path, stdout);
  return path;
}

describe('the schema of comparisons', () => {
  it('takes every comparison, declares what they have and nothing else', async () => {
    const schema = await printedSchema('compare');
    expect(schema['$id']).toBe('urn:pgtrace:schema:pgtrace.compare/1');
    expect(undescribed(schema)).toEqual([]);
    const validate = compile(schema);
    const walk = new SchemaWalk(schema);
    const lesson = 'over-reservation.ndjson';
    const base = await stats('base.json', lesson);
    const other = await stats('other.json', lesson, '--allocator', 'kernel');
    const two = ['--allocator', 'kernel', '--allocator', 'pool'];
    const several = await stats('several.json', lesson, ...two);
    const drivers = await stats('drivers.json', 'bind-over-reservation.ndjson', '--driver', 'all');
    const flushes = await stats('flushes.json', 'flush-table-window.ndjson', '--flush', 'all');
    const across = ['--across', 'allocator'];
    const runs: readonly (readonly string[])[] = [
      [base, base],
      [base, other, ...across],
      [other, base, ...across, '--all', '--domains', '--threshold', 'tables.*=+1%&+2', '--warn-only'],
      [base, other, ...across, '--fail-on', 'improve'],
      [several, other, '--allow-missing'],
      [other, several, '--all'],
      [several, other],
      [drivers, drivers, '--domains'],
      [flushes, flushes, '--all'],
      [join(TRACES, lesson), join(TRACES, lesson)],
    ];
    for (const args of runs) {
      const { code, stdout, stderr } = await runCli(['compare', ...args, '--json']);
      expect([0, 1], stderr).toContain(code);
      const document: Json = JSON.parse(stdout);
      expectValid(validate, document, args.join(' '));
      walk.add(document);
    }
    expect([...walk.undeclared]).toEqual([]);
    expect(walk.dead).toEqual([]);
    const { stdout } = await runCli(['compare', base, base, '--json']);
    const document = JSON.parse(stdout);
    expect(validate({ ...document, rowCounts: { ...document.rowCounts, lost: 1 } })).toBe(false);
    expect(validate({ ...document, schema: 'pgtrace.compare/2' })).toBe(false);
    expect(validate({ ...document, later: 1 })).toBe(true);
  });
});

describe('the schema of engines', () => {
  it('takes every comparison of engines, declares what they have and nothing else', async () => {
    const schema = await printedSchema('engines');
    expect(schema['$id']).toBe('urn:pgtrace:schema:pgtrace.engines/1');
    expect(undescribed(schema)).toEqual([]);
    const validate = compile(schema);
    const walk = new SchemaWalk(schema);
    for (const names of [['block-over-table', 'straddling-map'], ['already-mapped']]) {
      const paths = names.map((name) => `${TRACES}${name}.ndjson`);
      const { code, stdout, stderr } = await runCli(['compare', '--engines', 'arm,generic', '--json', ...paths]);
      expect(code, stderr).toBe(1);
      const document: Json = JSON.parse(stdout);
      expectValid(validate, document, names.join(' '));
      walk.add(document);
    }
    expect([...walk.undeclared]).toEqual([]);
    // The counters are those of all replays, of which these are a few.
    expect(walk.dead.filter((path) => !path.startsWith('#counters.'))).toEqual([]);
  });
});

describe('the schema of rows', () => {
  it('takes every row, declares what they have and nothing else', async () => {
    const schema = await printedSchema('row');
    expect(schema['$id']).toBe('urn:pgtrace:schema:pgtrace.row/1');
    expect(undescribed(schema)).toEqual([]);
    const validate = compile(schema);
    const walk = new SchemaWalk(schema);
    const paths = ['steal', 'lazy-unmap', 'bind-overtaking', 'partial-unmap-7.1'].map(
      (name) => `${TRACES}${name}.ndjson`,
    );
    const cut = join(folder, 'cut.ndjson');
    writeFileSync(cut, '{"op":"domain","id":"d"}\n{"op":');
    const runs = [
      ['--allocator', 'all', '--kernel', '7.1', '--kernel', '6.12'],
      ['--driver', 'panthor', '--driver', 'msm', '--maple', '--flush', 'smmuv3', '--queue-depth', '2'],
      ['--granule', '64K', '--ias', '40', '--oas', '40', '--quirks', '', '--lenient', '--field-map', 'iova=addr'],
    ];
    let rows = 0;
    let failed = 0;
    for (const args of runs) {
      const { stdout } = await runCli(['sweep', ...paths, cut, ...args, '-q']);
      for (const line of stdout.trimEnd().split('\n')) {
        const row = JSON.parse(line);
        expectValid(validate, row, line);
        walk.add(row);
        rows++;
        if (row.complete === false) failed++;
      }
    }
    expect(rows).toBeGreaterThan(100);
    expect(failed).toBeGreaterThan(0);
    expect([...walk.undeclared]).toEqual([]);
    // Counters are those of the statistics, whose schema is held against many more runs.
    expect(walk.dead.filter((path) => !path.startsWith('#counters.'))).toEqual([]);
  });
});
