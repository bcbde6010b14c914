/** Counts and sizes that no machine has: the right answer or a plain refusal, at once. */
import { beforeAll, describe, expect, it } from 'vitest';
import { GPU_DRIVERS } from '../../src/base/vocabulary.ts';
import { runCli } from '../cli/fake-io.ts';
import { busySince } from '../trace/import/robust/survive.ts';

/**
 * Milliseconds that one command may take: of its own work, which other processes do not change, and on the clock, where it
 * may wait for something that never comes.
 */
const MOST_MS = 5000;
const HANGS_MS = 30_000;
const MAP = { op: 'map', iova: '0x0', paddr: '0x0' };
const HEAD = { op: 'domain', id: 'd', ias: 48, oas: 48 };
const DOMAIN_4K = { ...HEAD, pgsizes: '0x1000' };
const sizes = [2 ** 47, 2 ** 48, 2 ** 52, 2 ** 53 - 4096];

type Event = Readonly<Record<string, unknown>>;

function bind(size: number, paddr = '0x0'): Event[] {
  return [
    { op: 'bo', id: 'b', size, segments: [{ paddr, size }] },
    { op: 'bind', job: 1, mode: 'sync', ops: [{ kind: 'map', iova: '0x0', size, bo: 'b', offset: 0 }] },
    { op: 'bind', job: 2, mode: 'sync', ops: [{ kind: 'unmap', iova: '0x0', size }] },
  ];
}

const WINDOW: readonly Event[] = [
  { op: 'attach', group: 'g', type: 'v2' },
  { op: 'window_create', pageShift: 12, size: 2 ** 52, levels: 1 },
  { op: 'window_create', pageShift: 12, size: 2 ** 40, levels: 1 },
  { op: 'register', vaddr: '0x0', size: 2 ** 40 },
  { op: 'window_map', iova: '0x0', vaddr: '0x0', size: 2 ** 40, prot: 'rw' },
];

const TRACES: Readonly<Record<string, readonly Event[]>> = {
  'pgcount of 2^40': [{ op: 'map_pages', iova: '0x0', paddr: '0x0', pgsize: 4096, pgcount: 2 ** 40 }],
  'an unmap of 2^40 pages': [{ op: 'unmap_pages', iova: '0x0', pgsize: 4096, pgcount: 2 ** 40 }],
  'nth of 2^40': [
    { op: 'fail_alloc', nth: 2 ** 40 },
    { ...MAP, size: 4096 },
  ],
  'a dirty range of 2^52': [
    { ...MAP, size: 4096 },
    { op: 'read_dirty', iova: '0x0', size: 2 ** 52, clear: true },
  ],
  'repetitions by 2^40': [{ op: 'repeat', iova: '0x0', paddr: '0x0', length: 4096, size: 2 ** 52 }],
  'repetitions by 2^32': [{ op: 'repeat', iova: '0x0', paddr: '0x0', length: 4096, size: 2 ** 44 }],
  'pages of 4K without end': [DOMAIN_4K, { ...MAP, domain: 'd', size: 2 ** 48 }],
  'DMA windows': WINDOW,
  ...Object.fromEntries(
    sizes.flatMap((size) => [
      [`a map of ${size}`, [{ ...MAP, size }]],
      [`an unmap of ${size}`, [{ op: 'unmap', iova: '0x0', size }]],
      [`a reservation of ${size}`, [{ op: 'reserve', id: 'r', iova: '0x0', size }]],
      [`a bind of ${size}`, bind(size)],
    ]),
  ),
};

async function atOnce(args: readonly string[], events: readonly Event[]): Promise<{ code: number; stderr: string }> {
  const stdin = events.map((event) => `${JSON.stringify(event)}\n`).join('');
  const begun = performance.now();
  const before = process.cpuUsage();
  const { code, stderr } = await runCli([...args, '-', '-q'], { stdin });
  const worked = busySince(before);
  const waited = performance.now() - begun;
  const what = [args.join(' '), events.at(-1), code, stderr];
  if (worked > MOST_MS) expect([what, Math.round(worked)]).toEqual([what, `less than ${MOST_MS} ms of work`]);
  if (waited > HANGS_MS) expect([what, Math.round(waited)]).toEqual([what, `less than ${HANGS_MS} ms on the clock`]);
  if (code > 4) expect(what).toEqual([...what.slice(0, 2), 'a promised code', '']);
  if (code > 1) expect(stderr).not.toBe('');
  return { code, stderr };
}

describe('a huge count', () => {
  const COMMANDS = [
    ['replay'],
    ['replay', '--allocator', 'all'],
    ['replay', '--flush', 'all'],
    ['replay', '--pgsize-policy', '4k'],
    ['replay', '--engine', 'generic'],
    ['replay', '--kernel', '6.12', '--partial-unmap', 'split'],
    ['replay', '--allocator', 'reserve,formula=exact', '--queue-depth', '4'],
    ['replay', '--maps', '--timeline', '--format', 'html'],
    ['check'],
    ['import'],
    ['dump', '--view', 'ranges'],
    ['windows'],
  ] as const;

  // What the commands load is no part of how long they take.
  beforeAll(async () => {
    for (const command of COMMANDS)
      await runCli([...command, '-', '-q'], { stdin: JSON.stringify({ ...MAP, size: 4096 }) });
  });

  it.each(Object.entries(TRACES))('%s ends at once under every command', async (_, events) => {
    const codes = [];
    for (const command of COMMANDS) codes.push((await atOnce(command, events)).code);
    expect(codes.some((code) => code === 0 || code === 4)).toBe(true);
  });

  it.each(GPU_DRIVERS)('binds end at once under %s', async (driver) => {
    // Panthor maps all of its 2^48 bytes in 2^27 blocks of 2M, which takes its time.
    for (const size of [2 ** 40, ...sizes.filter((one) => one > 2 ** 48)]) {
      for (const maple of [[], ['--maple']]) await atOnce(['replay', '--driver', driver, ...maple], bind(size));
    }
  });

  it('is answered as the kernel would', async () => {
    const stdin = `${JSON.stringify(HEAD)}\n${JSON.stringify({ ...MAP, domain: 'd', size: 2 ** 47, prot: 'rw' })}\n`;
    const { code, stdout } = await runCli(['replay', '-', '--results', '-', '-q'], { stdin });
    expect(code).toBe(0);
    // A 512 GiB entry is a table of 1 GiB blocks: 2^47 bytes are 256 of them.
    expect(stdout).toContain('"mapped":140737488355328,"allocs":256');
  });

  it('of more tables than a process can hold is refused before it begins', async () => {
    const { code, stderr } = await atOnce(['replay'], [DOMAIN_4K, { ...MAP, domain: 'd', size: 2 ** 48, prot: 'rw' }]);
    expect(code).toBe(4);
    expect(stderr).toContain('no memory for the 134,217,728 page tables that one operation needs');
  });

  it('that does not fit a double is no size', async () => {
    for (const size of [2 ** 53, 2 ** 64 - 4096]) {
      const { code, stderr } = await atOnce(['replay'], [{ ...MAP, size }]);
      expect(code).toBe(3);
      expect(stderr).toContain('below 2^53');
    }
  });
});
