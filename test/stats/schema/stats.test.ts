import { readdirSync } from 'node:fs';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Schema } from '../../../src/base/json-schema.ts';
import type { Json } from '../../../src/base/stable-json.ts';
import { METRICS } from '../../../src/stats/metrics/metrics.ts';
import { ndjson } from '../../cli/events.ts';
import { runCli } from '../../cli/fake-io.ts';
import { compile, expectValid, printedSchema, undescribed } from './ajv.ts';
import { NEVER_SEEN, RARE } from './rare.ts';
import { SchemaWalk } from './walk.ts';

const TRACES = new URL('../../../traces/', import.meta.url).pathname;
const lessons = readdirSync(TRACES).filter((name) => name.endsWith('.ndjson'));
const recordings = readdirSync(TRACES).filter((name) => name.endsWith('.txt.gz'));

const OPTIONS: readonly (readonly string[])[] = [
  ['--allocator', 'all', '--queue-depth', '2', '--cleanup-latency', '1'],
  ['--driver', 'all', '--maple'],
  ['--flush', 'smmuv3', '--gather', 'task', '--no-zero', '--allocator', 'pool'],
  ['--reserve-around', 'areas', '--rcu', 'page', '--rcu-latency', '3', '--timeline', '--maps'],
  ['--pgtable', 'ARM_64_LPAE_S2', '--pgsizes', '64K,512M', '--ias', '40', '--oas', '40', '--quirks', '', '--lenient'],
  ['--noncoherent', '--kernel', '6.12', '--block-policy', 'split', '--free-empty', 'eager', '--on-conflict', 'skip'],
];
const RECORDING_OPTIONS: readonly (readonly string[])[] = [
  ['--layer', 'iommu', '--flush', 'smmuv3,ril=off', '--timeline'],
  ['--allocator', 'kernel', '--allocator', 'reserve', '--single-domain'],
];
const WORKLOADS = ['bind-storm,jobs=4,ops=64', 'sparse-textures,jobs=5', 'vm-churn,jobs=60'];

let schema: Schema;
let walk: SchemaWalk;
let validate: ValidateFunction;
const runs: { readonly name: string; readonly document: Json }[] = [];

async function replay(name: string, args: readonly string[], stdin?: string): Promise<void> {
  const path = stdin === undefined ? `${TRACES}${name}` : '-';
  const { stdout, stderr } = await runCli(
    ['replay', path, '--json', '-q', ...args],
    stdin === undefined ? {} : { stdin },
  );
  if (stdout === '') expect.fail(`${name} ${args.join(' ')}: ${stderr}`);
  runs.push({ name: `${name} ${args.join(' ')}`, document: JSON.parse(stdout) });
}

beforeAll(async () => {
  schema = await printedSchema('stats');
  walk = new SchemaWalk(schema);
  validate = compile(schema);
  for (const [at, name] of lessons.entries()) {
    for (const args of [[], OPTIONS[at % OPTIONS.length], OPTIONS[(at + 2) % OPTIONS.length]]) await replay(name, args);
  }
  for (const name of recordings) for (const args of RECORDING_OPTIONS) await replay(name, args);
  await replay('flush-lazy-reuse.ndjson', ['--flush', 'all', '--pgsize-policy', 'panthor']);
  for (const name of WORKLOADS) {
    const { stdout } = await runCli(['gen', name]);
    await replay(name, ['--driver', 'all', '--maple'], stdout);
    await replay(name, ['--allocator', 'all', '--queue-depth', '8'], stdout);
  }
  for (const { name, events, args } of RARE) await replay(name, args, ndjson(events));
  for (const { document } of runs) walk.add(document);
});

describe('the schema of statistics', () => {
  it('is strict JSON Schema, every part of it described', () => {
    expect(schema).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: 'urn:pgtrace:schema:pgtrace.stats/1',
    });
    expect(undescribed(schema)).toEqual([]);
  });

  it('takes every document', () => {
    expect(runs.length).toBeGreaterThan(60);
    for (const { name, document } of runs) expectValid(validate, document, name);
  });

  it('declares every key that there is', () => {
    expect([...walk.undeclared]).toEqual([]);
  });

  it('declares no key that nothing has', () => {
    expect(walk.dead.filter((path) => !NEVER_SEEN.includes(path))).toEqual([]);
  });

  it('tells of every metric what it is', () => {
    const { counters } = schema['$defs'] as Record<string, Record<string, Record<string, { description: string }>>>;
    const declared = { ...counters['properties'], ...counters['patternProperties'] };
    expect(Object.keys(declared).length).toBe(METRICS.length);
    for (const { key, unit, kind, help } of METRICS.filter((metric) => !metric.key.endsWith('.'))) {
      const { description } = declared[key];
      expect(description.toLowerCase()).toContain(help.toLowerCase());
      expect(description).toContain(`(${unit}; `);
      expect(description).toContain(`${kind}: `);
    }
  });

  it.each([
    ['another version', { schema: 'pgtrace.stats/2' }],
    ['a counter that is no integer', { counters: { domains: 1.5 } }],
    ['a counter of a later version that is no integer', { counters: { 'later.thing': '1' } }],
    ['an unknown kernel of a domain', { domains: [{}] }],
    ['no answer to whether it is complete', { complete: null }],
    ['a driver that there is not', { config: { driver: 'vc4' } }],
  ])('refuses %s', (_, change) => {
    const { document } = runs[0];
    expect(validate({ ...(document as object), ...change })).toBe(false);
  });

  it('takes keys of a later version', () => {
    const { document } = runs[0];
    const later = { ...(document as { counters: object }), later: { of: 'any kind' } };
    expect(validate({ ...later, counters: { ...later.counters, 'later.thing': 1 } })).toBe(true);
  });
});
