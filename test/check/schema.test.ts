import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../cli/fake-io.ts';
import { compile, expectValid, printedSchema, undescribed } from '../stats/schema/ajv.ts';
import { SchemaWalk } from '../stats/schema/walk.ts';

const TRACES = new URL('../../traces/', import.meta.url).pathname;
const LESSONS = readdirSync(TRACES).filter((name) => /\.(ndjson|gz)$/.test(name));
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgtrace-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function trace(name: string, ...lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
  return path;
}

async function document(paths: readonly string[], ...args: readonly string[]) {
  const { code, stdout, stderr } = await runCli(['check', ...paths, '--format', 'json', '-q', ...args]);
  expect([0, 1, 3], stderr).toContain(code);
  return JSON.parse(stdout);
}

describe('the schema of checks', () => {
  it('takes the check of every lesson, declares what they have and nothing else', async () => {
    const schema = await printedSchema('check');
    expect(schema['$id']).toBe('urn:pgtrace:schema:pgtrace.check/1');
    expect(undescribed(schema)).toEqual([]);
    const validate = compile(schema);
    const walk = new SchemaWalk(schema);
    const paths = LESSONS.map((name) => join(TRACES, name));
    expect(paths.length).toBeGreaterThan(30);
    const documents = [];
    for (const path of paths) documents.push(await document([path]));
    documents.push(await document(paths.slice(0, 5), '--lock', 'literal', '--fail-on', 'note', '--leaks', 'all'));
    for (const concurrent of ['time', 'queue', 'thread'] as const) {
      documents.push(await document([join(TRACES, 'check-queues.ndjson')], '--concurrent', concurrent));
    }
    // A trace without operations, one cut short, and the largest sizes that the trace language knows.
    documents.push(await document([trace('none.ndjson', '{"op":"domain","id":"d"}')]));
    documents.push(await document([trace('cut.ndjson', '{"op":"domain","id":"d"}', '{"op":')]));
    const domain = '{"op":"domain","id":"d"}';
    const raw = (op: string, at: object) =>
      JSON.stringify({ op, iova: '0x0', pgsize: 2 ** 42, pgcount: 2 ** 40, ...at });
    const map = raw('map_pages', { paddr: '0x0', pgsize: 4096, pgcount: 1, ts: 1, end: 100, thread: 'a' });
    const unmap = raw('unmap_pages', { ts: 2, end: 90, thread: 'b' });
    const huge = await document([trace('huge.ndjson', domain, map, unmap, unmap)]);
    const sizes = huge.traces[0].findings.flatMap((one: { events?: { size?: number }[] }) =>
      (one.events ?? []).map(({ size }) => size),
    );
    expect(sizes).toContain(Number.MAX_SAFE_INTEGER);
    documents.push(huge);
    for (const checked of documents) {
      expectValid(validate, checked, checked.traces.map((one: { name: string }) => one.name).join(' '));
      walk.add(checked);
    }
    expect([...walk.undeclared]).toEqual([]);
    expect(walk.dead).toEqual([]);
  });

  it('refuses what is none', async () => {
    const validate = compile(await printedSchema('check'));
    const good = await document([join(TRACES, 'check-map-during-unmap.ndjson')]);
    expect(validate(good)).toBe(true);
    const [first] = good.traces;
    const [finding] = first.findings;
    const withTrace = (change: object) => ({ ...good, traces: [{ ...first, ...change }] });
    const withFinding = (change: object) => withTrace({ findings: [{ ...finding, ...change }] });
    expect(finding.events.length).toBe(2);
    const [event] = finding.events;
    for (const wrong of [
      { ...good, schema: 'pgtrace.check/2' },
      { ...good, lock: 'none' },
      { ...good, failed: 'yes' },
      { ...good, rules: { 'no-rule': good.rules[finding.kind] } },
      { ...good, rules: { [finding.kind]: { level: 'error' } } },
      withTrace({ events: -1 }),
      withTrace({ concurrency: 'luck' }),
      withTrace({ complete: undefined }),
      withTrace({ counts: { [finding.kind]: { error: 1, warning: 0, note: 0, fatal: 1 } } }),
      withTrace({ counts: { 'no-rule': { error: 1, warning: 0, note: 0 } } }),
      withFinding({ level: 'fatal' }),
      withFinding({ kind: 'no-rule' }),
      withFinding({ range: { iova: 4096, size: 4096 } }),
      withFinding({ events: [{ ...event, seq: 0.5 }] }),
      withFinding({ events: [{ ...event, iova: '4096' }] }),
    ]) {
      expect(validate(JSON.parse(JSON.stringify(wrong))), JSON.stringify(wrong).slice(0, 200)).toBe(false);
    }
    expect(validate({ ...good, later: 1 })).toBe(true);
  });
});
