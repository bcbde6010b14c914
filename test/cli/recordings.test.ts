import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCli } from './fake-io.ts';
import {
  dumpedPageTables,
  guestPageTables,
  hardwareInvalidations,
  predictedInvalidations,
  RECORDINGS,
  recordingPath,
} from './recording.ts';

const scratch = mkdtempSync(join(tmpdir(), 'pgtrace-recordings-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** What is only in one of two sorted lists, the first few: a full difference of 10,000 lines helps nobody. */
function onlyIn(a: readonly string[], b: readonly string[]): string[] {
  const other = new Set(b);
  return a.filter((line) => !other.has(line)).slice(0, 5);
}

describe.each(RECORDINGS)('$name', ({ name, granuleBits, leaves, tables, returns, dmaDomains }) => {
  it('leaves the page tables that the guest had in memory', async () => {
    const { code, stdout, stderr } = await runCli(['dump', recordingPath(name), '--view', 'raw', '--json']);
    expect(code, stderr).toBe(0);
    const want = guestPageTables(name);
    const got = dumpedPageTables(stdout);
    expect([want.leaves.length, want.tables.length]).toEqual([leaves, tables]);
    for (const kind of ['leaves', 'tables'] as const) {
      expect(onlyIn(want[kind], got[kind]), `missing ${kind}`).toEqual([]);
      expect(onlyIn(got[kind], want[kind]), `extra ${kind}`).toEqual([]);
      expect(got[kind].length, kind).toBe(want[kind].length);
    }
  });

  it('returns from every call what the kernel returned', async () => {
    const { code, stdout, stderr } = await runCli(['replay', recordingPath(name), '--json']);
    expect(code, stderr).toBe(0);
    const document = JSON.parse(stdout) as { complete: boolean; counters: Record<string, number>; findings: unknown[] };
    expect(document.complete).toBe(true);
    expect(document.findings).toEqual([]);
    expect(document.counters['returns.checked']).toBe(returns);
    expect(document.counters['returns.equal']).toBe(returns);
  });

  it('predicts the invalidations that the SMMU received', async () => {
    const results = join(scratch, `${name}.ndjson`);
    const options = ['--layer', 'iommu', '--flush', 'smmuv3', '--results', results, '--events'];
    const { code, stderr } = await runCli(['replay', recordingPath(name), ...options]);
    expect(code, stderr).toBe(0);
    const received = hardwareInvalidations(name);
    const predicted = predictedInvalidations(readFileSync(results, 'utf8'), granuleBits);
    for (const [domain, asid, lines] of dmaDomains) {
      const want = received.get(asid)?.sort() ?? [];
      const got = predicted.get(domain)?.sort() ?? [];
      expect(want.length, `lines of ASID ${asid} in the hardware's log`).toBe(lines);
      expect(onlyIn(want, got), `missing in domain ${domain}`).toEqual([]);
      expect(onlyIn(got, want), `extra in domain ${domain}`).toEqual([]);
      expect(got.join('\n') === want.join('\n'), `domain ${domain}: as often as the hardware saw each`).toBe(true);
    }
  });
});
