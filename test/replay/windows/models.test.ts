import { describe, expect, it } from 'vitest';
import { ndjson } from '../../cli/events.ts';
import { runCli } from '../../cli/fake-io.ts';
import { compile, expectValid, printedSchema, undescribed } from '../../stats/schema/ajv.ts';
import { SchemaWalk } from '../../stats/schema/walk.ts';

const TRACES = new URL('../../../traces/', import.meta.url).pathname;
const CHURN = `${TRACES}window-churn.ndjson`;

type Row = Readonly<Record<string, unknown>>;

async function models(path: string, ...args: string[]): Promise<readonly Row[]> {
  const { code, stdout, stderr } = await runCli(['windows', path, '--json', ...args]);
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout).models;
}

async function ofEvents(events: readonly object[], ...args: string[]): Promise<readonly Row[]> {
  const { code, stdout, stderr } = await runCli(['windows', '-', '--json', ...args], { stdin: ndjson(events) });
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout).models;
}

describe('the same churn under four models', () => {
  it('is pinned for each map, or once', async () => {
    // 24 maps of four CPU pages and as many unmaps over a memory of 64 pages.
    expect(await models(CHURN)).toMatchObject([
      { model: 'type1', pins: 96, pinCalls: 24, accountCalls: 48, lockedPeak: 16, failures: 0 },
      { model: 'v1', pins: 1536, pinCalls: 1536, accountCalls: 2, lockedPeak: 32768, failures: 0 },
      // Its tables: 2^14 entries of 8 bytes, twice, are four pages.
      { model: 'v2', pins: 64, pinCalls: 1, accountCalls: 4, lockedPeak: 68, failures: 0, entriesWritten: 96 },
      { model: 'nested', pins: 64, pinCalls: 1, accountCalls: 2, lockedPeak: 64, failures: 0 },
    ]);
  });

  it('fails where the limit is too low: version 1 first', async () => {
    const rows = await models(CHURN, '--memlock', '5M');
    expect(rows.map(({ failures, otherFailures }) => [failures, otherFailures])).toEqual([
      [0, 0],
      [48, 1],
      [0, 0],
      [0, 0],
    ]);
    expect(rows[1]).toMatchObject({ errors: { EPERM: 48, ENOMEM: 1 }, lockedPeak: 0 });
    // Not even the memory of the guest: nothing can be mapped but by those who pin as they go.
    const [type1, , v2, nested] = await models(CHURN, '--memlock', '1M');
    expect([type1['failures'], v2['failures'], nested['failures']]).toEqual([0, 48, 24]);
  });

  it('chooses models and nesting', async () => {
    const rows = await models(CHURN, '--models', 'nested,v2', '--nesting', 'hardware');
    expect(rows.map(({ model }) => model)).toEqual(['nested', 'v2']);
    const [soft] = await models(CHURN, '--models', 'nested');
    expect(rows[0]['tableBytes']).toBeGreaterThan(soft['tableBytes'] as number);
    expect([rows[0]['pins'], rows[0]['failures']]).toEqual([soft['pins'], 0]);
  });

  it('shows a table, and in words what it says', async () => {
    const { stdout } = await runCli(['windows', CHURN]);
    expect(stdout).toContain('model   pages pinned  pin calls  account calls  locked peak');
    expect(stdout).toContain('v1 pins and accounts in 1,538 calls, nested in 3: 512.7 times as many.');
    expect(stdout).toContain('Least locked: type1 with 1.0 MiB at most; most: v1 with 2.0 GiB.');
  });
});

describe('the schema of comparisons', () => {
  it('takes them, and declares what they have and nothing else', async () => {
    const schema = await printedSchema('windows');
    expect(undescribed(schema)).toEqual([]);
    const validate = compile(schema);
    const walk = new SchemaWalk(schema);
    const plain = ndjson([{ op: 'map', iova: '0x0', paddr: '0x10000', size: 65536 }]);
    const outputs = [
      await runCli(['windows', CHURN, '--json', '--memlock', '1M']),
      await runCli(['windows', '-', '--json'], { stdin: plain }),
    ];
    for (const { stdout } of outputs) {
      const document = JSON.parse(stdout);
      expectValid(validate, document, stdout);
      walk.add(document);
    }
    expect([...walk.undeclared]).toEqual([]);
    // Errors have names of their own.
    expect(walk.dead).toEqual([]);
  });
});

describe('plain maps as a guest', () => {
  const map = (iova: number, paddr: number, size = 65536, fields: object = {}): object => ({
    op: 'map',
    iova: `0x${iova.toString(16)}`,
    paddr: `0x${paddr.toString(16)}`,
    size,
    ...fields,
  });
  const EVENTS = [
    map(0x10000, 0x8000_0000),
    map(0x20000, 0x8000_0000),
    { op: 'unmap', iova: '0x10000', size: 65536 },
    map(0x10000, 0x8002_0000),
    map(0x10000, 0x9000_0000, 65536, { ret: -17 }),
  ];

  it('reach a memory that is registered before the first map', async () => {
    const rows = await ofEvents(EVENTS);
    expect(rows).toMatchObject([
      { model: 'type1', pins: 3, accountCalls: 4, lockedPeak: 2, failures: 0 },
      // The window that covers them: 256K, of 4K pages.
      { model: 'v1', pins: 48, lockedPeak: 4, failures: 0 },
      // Two regions of a page, and a table of 64K, twice.
      { model: 'v2', pins: 2, pinCalls: 2, lockedPeak: 4, failures: 0, entriesWritten: 3 },
      { model: 'nested', pins: 2, lockedPeak: 2, failures: 0 },
    ]);
    const { stdout } = await runCli(['windows', '-'], { stdin: ndjson(EVENTS) });
    expect(stdout).toContain(
      'Taken from the maps: 128.0 KiB of guest memory in 2 ranges, registered before the first map, and a window of 256K in pages of 64K.',
    );
    expect(stdout).toContain('Left out: 1 map that failed when recorded.');
  });

  it('reach the memory that --ram names, or fail', async () => {
    const [, , v2, nested] = await ofEvents(EVENTS, '--ram', '0x80000000:64K');
    expect([v2['failures'], nested['failures']]).toEqual([1, 1]);
    const [, , all] = await ofEvents(EVENTS, '--ram', '0x80000000:1M');
    expect([all['failures'], all['pins']]).toEqual([0, 16]);
  });

  it('takes recordings, and pages of another CPU', async () => {
    const rows = await models(`${TRACES}smmuv3-kprobe-6.1-vfio.txt.gz`, '--layer', 'iommu', '--cpu-page', '4K');
    const [type1, v1, v2, nested] = rows;
    expect([v2['failures'], v1['failures'], nested['failures']]).toEqual([0, 0, 0]);
    expect(type1['pins']).toBe(v1['pins']);
    expect(v2['pins']).toBe(nested['pins']);
    expect(v2['pins']).toBeLessThan(v1['pins'] as number);
  });

  it.each([
    [['--models', 'v3'], 'none of type1, v1, v2, nested'],
    [['--models', 'v1,v1'], 'v1 is given twice'],
    [['--cpu-page', '3000'], 'no page of a CPU'],
    [['--memlock', 'much'], 'no size'],
    [['--ram', '0x80000000'], 'no range'],
    [['--ram', '0x80000001:64K'], 'multiples of a CPU page'],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await runCli(['windows', CHURN, ...args]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  it('needs a map', async () => {
    const { code, stderr } = await runCli(['windows', '-'], { stdin: '{"op":"domain","id":"d"}\n' });
    expect([code, stderr]).toEqual([3, expect.stringContaining('no map or window_map event')]);
  });
});
