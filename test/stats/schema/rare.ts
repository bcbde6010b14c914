import { G1, K4, M2, map, reserve } from '../../cli/events.ts';

/** A replay that brings out keys that few traces have. */
export interface RareRun {
  readonly name: string;
  readonly events: readonly object[];
  readonly args: readonly string[];
}

const BO = { op: 'bo', id: 'b', size: M2, segments: [{ paddr: '0x100000000', size: M2 }] };

const bind = (job: number, mode: string, kind: string, iova: number, size: number): object => ({
  op: 'bind',
  domain: 'vm',
  job,
  mode,
  ops: [{ kind, iova: `0x${iova.toString(16)}`, size, bo: 'b', offset: 0 }],
});
const repeat = (iova: number, size: number): object => ({
  op: 'repeat',
  iova: `0x${iova.toString(16)}`,
  size,
  paddr: '0x80000000',
  length: K4,
});
const VM = { op: 'domain', id: 'vm', driver: 'panthor' };

/** More runs, tables and reservations than a map holds: each page with a hole behind it, of other attributes than the next. */
const CROWD = Array.from({ length: 4100 }, (_, i) => [
  map(M2 * i, K4, { prot: i % 2 === 0 ? 'r' : 'rw' }),
  reserve(`r${i}`, M2 * i, K4),
]).flat();

export const RARE: readonly RareRun[] = [
  {
    name: 'another engine',
    events: [{ op: 'domain', id: 'd0' }, map(0, M2)],
    args: ['--engine', 'generic'],
  },
  {
    name: 'shared tables that are copied',
    events: [
      { op: 'domain', id: 'd0', quirks: ['HD'] },
      repeat(0, 8 * M2),
      { op: 'read_dirty', iova: '0x0', size: M2 },
      { op: 'unmap', iova: '0x1000', size: K4 },
      reserve('r0', 2 * M2, K4),
      repeat(4 * G1, M2),
      reserve('r1', 8 * G1, K4),
      repeat(8 * G1, M2),
    ],
    args: ['--repeat', 'shared', '--cow-reserve', 'on'],
  },
  {
    name: 'a repeat mapping that leaks',
    events: [{ op: 'domain', id: 'd0' }, map(3 * K4, K4), repeat(0, M2)],
    args: ['--repeat-unwind', 'posted'],
  },
  {
    name: 'a crowded address space',
    events: [{ op: 'domain', id: 'd0' }, ...CROWD],
    args: ['--maps'],
  },
  {
    // A table of level 2 with one link and one block goes, its page comes back at level 1.
    name: 'stale entries that are no leaves of the last level',
    events: [{ op: 'domain', id: 'd0' }, map(0, K4), map(M2, M2), map(0, G1), map(512 * G1, G1)],
    args: ['--allocator', 'pool', '--no-zero'],
  },
  {
    name: 'a GPU address space of 6.12 that is destroyed',
    events: [VM, BO, { op: 'destroy', domain: 'vm' }],
    args: ['--kernel', '6.12'],
  },
  {
    name: 'the same mapping again',
    events: [VM, BO, bind(0, 'sync', 'map', M2, M2), bind(1, 'sync', 'map', M2, M2)],
    args: ['--driver', 'all'],
  },
  {
    name: 'an address space that its driver gives up',
    events: [
      VM,
      BO,
      bind(0, 'sync', 'map', 0, K4),
      bind(1, 'async', 'map', M2 / 2, K4),
      bind(2, 'sync', 'map', 0, M2),
      bind(3, 'sync', 'unmap', 0, M2),
      { op: 'exec', domain: 'vm', job: 1 },
    ],
    args: [],
  },
  {
    name: 'leaves of a last life',
    events: [{ op: 'domain', id: 'd0' }, map(0, 3 * K4), map(0, M2), map(M2 + 5 * K4, K4)],
    args: ['--allocator', 'pool', '--no-zero'],
  },
  {
    name: 'registered memory that stays',
    events: [{ op: 'attach' }, { op: 'register', vaddr: '0x10000', size: 65536 }],
    args: [],
  },
  {
    name: 'a required range',
    events: [{ op: 'domain', id: 'd0' }, map(0, K4)],
    args: ['--require', '0:4G'],
  },
  {
    name: 'a timeline of several allocators',
    events: [{ op: 'domain', id: 'd0' }, map(0, M2 + K4)],
    args: ['--allocator', 'kernel', '--allocator', 'pool', '--timeline'],
  },
];

/**
 * Counters of what must not happen, and happens in no trace that is known; and what only a signal brings, which
 * `test/report/interrupted.test.ts` sends.
 */
export const NEVER_SEEN: readonly string[] = [
  '#counters.bind.estimates.short',
  '#counters.^maple\\.shortfalls\\..+$',
  '.interrupted',
];
