import { describe, expect, it } from 'vitest';
import { runCli } from '../cli/fake-io.ts';

async function results(...events: object[]): Promise<Record<string, unknown>[]> {
  const stdin = events.map((event) => `${JSON.stringify(event)}\n`).join('');
  const { code, stdout, stderr } = await runCli(['replay', '-', '--results', '-'], { stdin });
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const domain = (id: string, more: object = {}): object => ({ op: 'domain', id, ...more });
const map = (id: string, iova: string): object => ({ op: 'map', domain: id, iova, paddr: '0x80000000', size: 4096 });

describe('simulated table memory', () => {
  it('gives no address out twice, whatever base and least size the domains ask for', async () => {
    const events = [
      domain('a'),
      domain('b', { tableMin: 16384 }),
      domain('c', { tableMin: 16384 }),
      { op: 'destroy', domain: 'c' },
      domain('c', { tableMin: 16384 }),
      domain('low', { tableBase: '0xfffff000' }),
      map('a', '0x0'),
      map('low', '0x0'),
      map('c', '0x0'),
      ...['a', 'b', 'c', 'low'].map((id) => ({ op: 'walk', domain: id, iova: '0x0' })),
    ];
    const lines = await results(...events);
    const roots = lines.filter((line) => line['op'] === 'domain').map((line) => Number(line['ttbr']));
    const tables = lines
      .filter((line) => line['op'] === 'walk')
      .flatMap((line) => (line['ptes'] as (string | null)[]).slice(0, 3))
      .filter((pte): pte is string => pte !== null && pte !== '0x0')
      .map((pte) => Number(BigInt(pte) & 0xfffffffff000n));
    const all = [...roots, ...tables];
    expect(new Set(all).size).toBe(all.length);
    expect(roots[0]).toBe(0x1_0000_0000);
    expect(roots.at(-1)).toBe(0xffff_f000);
  });

  it('lets the start table fail', async () => {
    const [, refused] = await results({ op: 'fail_alloc', nth: 1 }, domain('d0'));
    expect(refused).toMatchObject({ ret: -12, reason: 'no memory for the start table' });
    const [, created, mapped] = await results({ op: 'fail_alloc', nth: 2 }, domain('d0'), map('d0', '0x0'));
    expect(created).toMatchObject({ ret: 0 });
    expect(mapped).toMatchObject({ ret: -12, allocs: 0 });
    // A domain that nobody declares had its start table before the trace began.
    const [, first] = await results({ op: 'fail_alloc', nth: 1 }, { op: 'map', iova: '0x0', paddr: '0x0', size: 4096 });
    expect(first).toMatchObject({ ret: -12, allocs: 0 });
  });

  it('answers an undefined walk as the kernel does: 0, nothing filled in', async () => {
    const stdin = '{"op":"domain","id":"d0"}\n{"op":"walk","iova":"0xffffffffffffffff"}\n';
    const { code, stdout } = await runCli(['replay', '-', '--results', '-'], { stdin });
    expect(code).toBe(1);
    expect(JSON.parse(stdout.trimEnd().split('\n')[1])).toMatchObject({
      ret: 0,
      ptes: [null, null, null, null],
      undefined: true,
    });
  });

  it('gives Mali its four levels for the smallest address space too', async () => {
    const [line] = await results(domain('m', { format: 'ARM_MALI_LPAE', ias: 12, oas: 40 }));
    expect(line).toMatchObject({ ret: 0, startLevel: 0, pgdBits: 0, pgdSize: 8 });
  });
});

describe('a table base that no descriptor can hold', () => {
  it.each(['0xfffffffffffff000', '0x123', '0xffffffffff000'])('%s is refused', async (tableBase) => {
    const stdin = `${JSON.stringify({ op: 'domain', id: 'd0', tableBase })}\n`;
    const { code, stderr } = await runCli(['replay', '-'], { stdin });
    expect(code).toBe(3);
    expect(stderr).toContain(`"tableBase" is ${tableBase}; it must be a multiple of 4096`);
  });
});

describe('a trace that changes the kernel', () => {
  it('tells which domain was built by which', async () => {
    const stdin = ['7.1', '6.12']
      .map((kernel, i) => `{"op":"trace","version":1,"kernel":"${kernel}"}\n{"op":"domain","id":"d${i}"}\n`)
      .join('');
    const { stdout } = await runCli(['replay', '-', '--json'], { stdin });
    const document = JSON.parse(stdout);
    expect(document.config).toMatchObject({ kernel: '7.1 6.12', partialUnmap: 'refuse split' });
    expect(document.domains.map((domain: { config: { kernel: string } }) => domain.config.kernel)).toEqual([
      '7.1',
      '6.12',
    ]);
  });
});
