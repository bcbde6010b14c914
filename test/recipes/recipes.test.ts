import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Job } from 'kubernetes-models/batch/v1';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRow, type Row } from '../../src/sweep/row.ts';
import { runCli } from '../cli/fake-io.ts';

const HERE = new URL('./', import.meta.url).pathname;
const TRACES = new URL('../../traces/', import.meta.url).pathname;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgtrace-recipes-'));
  mkdirSync(join(folder, 'traces'));
  for (const name of readdirSync(TRACES).filter((file) => file.endsWith('.ndjson')))
    copyFileSync(join(TRACES, name), join(folder, 'traces', name));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const rowsOf = (text: string): Row[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => parseRow(line) as Row);

describe('the manifest for Kubernetes', () => {
  const text = readFileSync(join(HERE, 'indexed-job.yaml'), 'utf8').replace(/^#.*\n/gm, '');
  type Manifest = ConstructorParameters<typeof Job>[0] & {
    spec: { completions: number; template: { spec: { containers: { command: string[]; args: string[] }[] } } };
  };
  const manifest = (): Manifest => JSON.parse(text);

  it('is a valid Indexed Job', () => {
    expect(() => new Job(manifest()).validate()).not.toThrow();
    expect(() => new Job(JSON.parse(text.replace('"FailIndex"', '5'))).validate()).toThrow();
    const { spec } = manifest();
    // What the API server demands beside the schema.
    expect(spec).toMatchObject({
      completionMode: 'Indexed',
      backoffLimitPerIndex: expect.any(Number),
      template: { spec: { restartPolicy: 'Never' } },
    });
    expect(spec?.podFailurePolicy?.rules[0]).toMatchObject({
      action: 'FailIndex',
      onExitCodes: { containerName: 'sweep', operator: 'In', values: [1, 2, 3, 70] },
    });
  });

  it('runs one shard in each pod, and all shards together have every cell', async () => {
    // Stands for the image: tells what it was called with.
    writeFileSync(join(folder, 'pgtrace'), '#!/bin/sh\nprintf "%s\\n" "$@"\n');
    chmodSync(join(folder, 'pgtrace'), 0o755);
    const { completions, template } = manifest().spec;
    const [{ command, args }] = template.spec.containers;
    const cells: string[] = [];
    let first: string[] = [];
    for (let index = 0; index < completions; index++) {
      const env = { PATH: `${folder}:${process.env['PATH']}`, JOB_COMPLETION_INDEX: String(index) };
      const { stdout, status } = spawnSync(command[0], [...command.slice(1), ...args], { env, encoding: 'utf8' });
      expect(status).toBe(0);
      const called = stdout.trimEnd().split('\n');
      expect(called).toContain(`${index + 1}/${completions}`);
      expect(called).toContain(`/rows/${index}`);
      const here = called.map((arg) => (arg === '/traces' ? join(folder, 'traces') : arg));
      if (index === 0) first = here;
      const list = await runCli([...here, '--list']);
      expect(list.code).toBe(0);
      cells.push(...list.stdout.split('\n').filter((line) => line !== ''));
    }
    const whole = await runCli([...first.filter((arg) => arg !== '--shard' && arg !== `1/${completions}`), '--list']);
    expect(cells.sort()).toEqual(whole.stdout.trimEnd().split('\n').sort());
  });
});

describe('the questions for DuckDB', () => {
  const module = process.env['PGTRACE_DUCKDB'];
  if (module === undefined) {
    it.skip('are not asked: PGTRACE_DUCKDB names no folder with @duckdb/node-api', () => {});
    return;
  }

  it('are answered as the rows say', async () => {
    const { DuckDBInstance } = createRequire(join(module, 'package.json'))('@duckdb/node-api');
    const args = ['sweep', join(folder, 'traces'), '--allocator', 'all', '--flush', 'all', '--quiet'];
    await runCli([...args, '--format', 'parquet', '-o', join(folder, 'rows')]);
    const rows = rowsOf(readFileSync(join(folder, 'rows', 'rows.ndjson'), 'utf8'));
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    await connection.run(`SET file_search_path = '${join(folder, 'rows')}'`);
    const sql = readFileSync(join(HERE, 'rows.sql'), 'utf8').replace(/^--.*\n/gm, '');
    const answers: Record<string, unknown>[][] = [];
    for (const question of sql.split(';').filter((part) => part.trim() !== '')) {
      answers.push((await connection.runAndReadAll(question)).getRowObjects());
    }
    const [costs, held, again, failed] = answers;
    const plain = rows.filter(({ complete, config }) => complete && config['flush'] === 'none');
    expect(costs.length).toBe(9);
    for (const { allocator, traces, page_calls, most_memory } of costs) {
      const mine = plain.filter(({ config }) => config['allocator'] === allocator).map(({ counters }) => counters);
      expect(traces).toBe(BigInt(mine.length));
      expect(page_calls).toBe(BigInt(mine.reduce((sum, counters) => sum + (counters['alloc.calls'] ?? 0), 0)));
      expect(most_memory).toBe(BigInt(Math.max(...mine.map((counters) => counters['memory.occupiedPeak'] ?? 0))));
    }
    expect(again).toEqual(costs);
    expect(held.length).toBe(5);
    expect(Number(held[0]['reserved'])).toBeGreaterThan(Number(held[0]['needed']));
    expect(failed.reduce((sum, { cells }) => sum + Number(cells), 0)).toBe(
      rows.filter(({ complete }) => !complete).length,
    );
  });
});
