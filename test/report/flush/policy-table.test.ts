import { Chalk } from 'chalk';
import { beforeAll, describe, expect, it } from 'vitest';
import { policyTable } from '../../../src/report/flush/policy-table.ts';
import type { StatsDocument } from '../../../src/stats/document.ts';
import { statsOf } from '../../cli/events.ts';
import { runCli } from '../../cli/fake-io.ts';

const LESSON = new URL('../../../traces/flush-table-window.ndjson', import.meta.url).pathname;
const PLAIN = new Chalk({ level: 0 });
const INK = new Chalk({ level: 1 });
let document: StatsDocument;

beforeAll(async () => {
  document = (await statsOf(LESSON, '--flush', 'all')).document as unknown as StatsDocument;
});

/** The table's lines, without what explains it. */
function lines(width: number | null, ink = PLAIN): string[] {
  const [table] = policyTable(document, ink, width);
  return table.split('\n').filter((line) => line !== '' && !line.startsWith('over-invalidation:'));
}

describe('the table of flush policies', () => {
  it('has a column for each, in the order in which they were asked for, all as wide as their cells', () => {
    const [head, ...rows] = lines(null);
    expect(head.split(/\s{2,}/)).toEqual([
      'flush policy',
      'smmuv3',
      'smmuv3,mode=lazy',
      'noop',
      'gpuvm-op',
      'panthor',
      'msm',
      'none-until-teardown',
    ]);
    expect(rows[0]).toMatch(/^commands /);
    expect(new Set([head, ...rows].map((line) => line.length)).size).toBe(1);
    expect(rows.at(-1)?.split(/\s{2,}/)).toEqual([
      'verdict',
      'SAFE',
      'SAFE',
      'UNSAFE',
      'UNSAFE',
      'SAFE',
      'SAFE',
      'UNSAFE',
    ]);
  });

  it('leaves out what no policy has', () => {
    expect(lines(null).some((line) => line.startsWith('to devices'))).toBe(false);
    expect(lines(null).some((line) => line.startsWith('tables in the window'))).toBe(true);
  });

  it('colours the verdicts and nothing else', () => {
    const coloured = lines(null, INK);
    const plain = lines(null);
    const last = plain.length - 1;
    const verdicts = coloured[last];
    expect(verdicts).toContain(INK.green('SAFE'));
    expect(verdicts).toContain(INK.red('UNSAFE'));
    expect(coloured.slice(1, last)).toEqual(plain.slice(1, last));
  });

  it('shows a few at a time where the terminal is narrow, each of them once', () => {
    const narrow = lines(60);
    for (const line of narrow) expect(line.length).toBeLessThanOrEqual(60);
    const names = narrow
      .filter((line) => line.startsWith('flush policy'))
      .flatMap((line) => line.split(/\s{2,}/).slice(1));
    expect(names).toEqual(document.flushPolicies?.map(({ policy }) => policy));
    // One that is wider than the terminal stands alone.
    expect(lines(10).filter((line) => line.startsWith('verdict')).length).toBe(7);
  });

  it('is not there without a policy to judge', async () => {
    const plain = (await statsOf(LESSON, '--flush', 'smmuv3')).document as unknown as StatsDocument;
    expect(policyTable(plain, PLAIN, null)).toEqual([]);
  });
});

describe('the other forms', () => {
  const render = async (format: string): Promise<string> =>
    (await runCli(['replay', LESSON, '--flush', 'smmuv3', '--flush', 'noop', '--format', format])).stdout;

  it('have the policies too', async () => {
    expect(await render('markdown')).toContain('| verdict | SAFE | UNSAFE |');
    const csv = (await render('csv')).split('\n');
    expect(csv[0]).toMatch(/,value,flush$/);
    const unsafe = csv.filter((line) => line.includes('flush.unsafe.tables'));
    expect(unsafe.map((line) => line.split(',').slice(-2))).toEqual([
      ['0', ''],
      ['2', 'noop'],
      ['0', ''],
    ]);
    expect(await render('html')).toContain('TLB flush policies');
    // A broken promise of a policy is a failure under --strict only.
    expect(await render('junit')).not.toContain('<failure');
    const strict = await runCli([
      'replay',
      LESSON,
      '--flush',
      'smmuv3',
      '--flush',
      'noop',
      '--format',
      'junit',
      '--strict',
    ]);
    expect(strict.stdout).toContain('VIOLATION(stale-walk)');
    expect(strict.code).toBe(1);
  });

  it('have no column for them without a comparison', async () => {
    const { stdout } = await runCli(['replay', LESSON, '--flush', 'noop', '--format', 'csv']);
    expect(stdout.split('\n')[0]).toMatch(/,value$/);
    expect(stdout).toContain(',flush.unsafe.tables,count,lower,2');
  });
});
