import { describe, expect, test } from 'vitest';
import { NO_STAMP } from '../../../../src/trace/import/text/time-stamp.ts';
import { MAP, PROBE_ALLOC, PROBE_MAP_RET, PROBE_UNMAP_RET } from '../binary/plans.ts';
import { Bytes, MACHINES, type Machine, rawEvent } from '../binary/raw-events.ts';
import { type TraceDatPlan, version6, version7 } from './build.ts';
import { collect } from './collect.ts';
import { map, pages, planOf, times } from './plan.ts';
import { Ring } from './ring.ts';

const [LITTLE] = MACHINES;
const SECOND = 1_000_000_000n;

type Option = readonly [id: number, data: string | Buffer];

function rings(machine: Machine): Buffer[] {
  const first = new Ring(machine).event(SECOND + 500n, map(machine, 1)).event(1_600_000_000n, map(machine, 2));
  const second = new Ring(machine).event(1_550_000_000n, map(machine, 3)).event(3n * SECOND, map(machine, 4));
  return [first.toBuffer(), second.toBuffer()];
}

/** The times, the same from both versions. */
function timesWith(machine: Machine, ...options: Option[]): string[] {
  const plan = planOf(machine, rings(machine), { options });
  const top = { ...plan.top, clock: '' };
  const [old, young] = [version6(plan), version7({ ...plan, top }, 'none')].map((file) => collect(file));
  expect(old.error).toBeNull();
  expect(young).toEqual(old);
  return times(old);
}

function ofNumbers(machine: Machine, ...numbers: (readonly [size: number, value: bigint | number])[]): Buffer {
  const bytes = new Bytes(machine.bigEndian);
  for (const [size, value] of numbers) bytes.number(size, value);
  return bytes.toBuffer();
}

// The expected times are those that trace-cmd 3.1.6 printed for the same files (little endian).
describe.each(MACHINES)('times, big endian: $bigEndian, bytes of a long: $longSize', (machine) => {
  test('as they are', () => {
    expect(timesWith(machine)).toEqual(['1.000000500', '1.550000000', '1.600000000', '3.000000000']);
  });

  test('a date in microseconds and an offset in nanoseconds are added', () => {
    expect(timesWith(machine, [1, '0x100'])).toEqual(['1.000256500', '1.550256000', '1.600256000', '3.000256000']);
    expect(timesWith(machine, [7, '-1000'])).toEqual(['0.999999500', '1.549999000', '1.599999000', '2.999999000']);
    expect(timesWith(machine, [7, '5000'], [1, '0x10'])[0]).toBe('1.000021500');
  });

  test('ticks of a TSC are multiplied and shifted', () => {
    const tsc = ofNumbers(machine, [4, 0x40000123n], [4, 31], [8, 77]);
    expect(timesWith(machine, [14, tsc])).toEqual(['0.500000385', '0.775000210', '0.800000216', '1.500000406']);
    expect(timesWith(machine, [14, tsc], [7, '100'])[0]).toBe('0.500000485');
  });

  test('a guest is moved to the time of its host, CPU by CPU', () => {
    const start = [
      [8, 1],
      [4, 1],
      [4, 2],
    ] as const;
    const one = ofNumbers(
      machine,
      ...start,
      [4, 1],
      [8, 5],
      [8, 1000],
      [8, 1],
      [4, 2],
      [8, SECOND],
      [8, 2n * SECOND],
      [8, 1000],
      [8, 3000],
      [8, 1],
      [8, 1],
    );
    expect(timesWith(machine, [12, one])).toEqual(['1.000001500', '1.550002100', '1.600001000', '3.000005000']);
    const many = ofNumbers(
      machine,
      ...start,
      ...([4, 8, 8, 8, 8, 8, 8, 8, 8, 8] as const).map(
        (size, i) => [size, [3, SECOND, 1_500_000_500n, 2_100_000_000n, 100, -300, 900, 2, 4, 2][i]] as const,
      ),
      ...([1, 0, 77, 1] as const).map((value, i) => [i === 0 ? 4 : 8, value] as const),
      ...([1, 2, 1, 0] as const).map((value) => [8, value] as const),
    );
    expect(timesWith(machine, [12, many])).toEqual(['1.000000600', '1.550000077', '1.599999900', '3.000000077']);
  });
});

describe('clocks', () => {
  test.each(['local', 'global', 'perf', 'mono', 'mono_raw', 'boot', 'tai'])('%s counts nanoseconds', (clock) => {
    expect(timesWith(LITTLE, [4, `local global [${clock}] x`])[0]).toBe('1.000000500');
  });

  test.each(['counter', 'uptime', 'x86-tsc', 'ppc-tb'])(
    '%s counts something else: no times, the order stays',
    (clock) => {
      const plan = planOf(LITTLE, rings(LITTLE), { options: [[4, `local [${clock}]`]] });
      for (const file of [version6(plan), version7({ ...plan, top: { ...plan.top, clock } }, 'none')]) {
        const found = collect(file);
        expect(pages(found)).toEqual([1, 3, 2, 4]);
        expect(found.events.every(({ head }) => head.seconds === NO_STAMP && head.nanos === 0)).toBe(true);
      }
      // Unless the recording says how to convert its ticks.
      const tsc = ofNumbers(LITTLE, [4, 1 << 10], [4, 10], [8, 0]);
      expect(timesWith(LITTLE, [4, `[${clock}]`], [14, tsc])[0]).toBe('1.000000500');
    },
  );

  test('the clock behind the places of the data, as older files have it', () => {
    const plan = planOf(LITTLE, rings(LITTLE), { options: [[4, Buffer.alloc(0)]] });
    const seconds = (clock: string): number =>
      collect(version6({ ...plan, top: { ...plan.top, clock } })).events[0].head.seconds;
    expect([seconds('counter'), seconds('mono')]).toEqual([NO_STAMP, 1]);
  });
});

describe('what else a file says', () => {
  test('trace instances: all events in the order of time, the top instance first', () => {
    const [first, second] = rings(LITTLE);
    const instances = [{ name: 'foo', cpus: [second, first] }];
    const plan = planOf(LITTLE, [first, second], { instances });
    const order = [
      [1, 0],
      [1, 1],
      [3, 1],
      [3, 0],
      [2, 0],
      [2, 1],
      [4, 1],
      [4, 0],
    ];
    for (const file of [version6(plan), version7(plan, 'none'), version7(plan, 'zstd')]) {
      const found = collect(file);
      expect(pages(found).map((page, i) => [page, found.events[i].head.cpu])).toEqual(order);
    }
    // A recording may consist of instances alone.
    const alone = {
      ...plan,
      top: { name: '', cpus: [] },
      options: [[8, ofNumbers(LITTLE, [4, 0])]] satisfies Option[],
    };
    expect(collect(version7(alone, 'none')).events).toHaveLength(4);
  });

  test('CPUs by their numbers', () => {
    const plan = planOf(LITTLE, []);
    const found = collect(version7({ ...plan, top: { name: '', cpus: rings(LITTLE), numbers: [5, 190] } }, 'zlib'));
    expect(found.events.map(({ head }) => head.cpu)).toEqual([5, 190, 5, 190]);
  });

  test('the number of CPUs in an option counts', () => {
    const [first, second] = rings(LITTLE);
    const options: Option[] = [[8, ofNumbers(LITTLE, [4, 1])]];
    expect(pages(collect(version6(planOf(LITTLE, [first, second], { options }))))).toEqual([1, 2]);
    // A longer option of that number is something else.
    const groups: Option[] = [[8, '7 7\n8 7\n']];
    expect(collect(version6(planOf(LITTLE, [first, second], { options: groups }))).events).toHaveLength(4);
  });

  test('names of commands', () => {
    const ring = new Ring(LITTLE)
      .event(1n, map(LITTLE, 1, 7))
      .event(2n, map(LITTLE, 2, 8))
      .event(3n, map(LITTLE, 3, 0));
    const plan = planOf(LITTLE, [ring.event(4n, map(LITTLE, 4, 9)).toBuffer()], {
      comms: '7 kworker/u8:1\n8 my täsk\n9 <...>\n',
    });
    const utf8 = { ...plan, comms: Buffer.from(plan.comms ?? '', 'utf8').toString('latin1') };
    for (const file of [version6(utf8), version7(utf8, 'zlib')]) {
      const comms = collect(file, { comms: true }).events.map(({ head }) => head.comm);
      expect(comms).toEqual(['kworker/u8:1', 'my täsk', '<idle>', '']);
    }
  });

  test('events that the ring buffers could not take', () => {
    const options: Option[] = [
      [2, 'CPU: 0\nentries: 3\noverrun: 9\ncommit overrun: 2\ndropped events: 5\n'],
      [2, 'CPU: 1\ndropped events: 1\n'],
    ];
    expect(collect(version6(planOf(LITTLE, rings(LITTLE), { options }))).lost).toEqual([[0, 8]]);
  });

  test('options nobody knows are left out', () => {
    const options: Option[] = [
      [99, 'x'.repeat(70_000)],
      [5, 'Linux'],
    ];
    expect(timesWith(LITTLE, ...options)).toHaveLength(4);
  });

  test('the kernel’s symbols name the functions that probes sit on', () => {
    const at = { map: 0xffff_b089_18cb_47f0n, unmap: 0xffff_b089_18cb_4350n, stage2: 0xffff_b089_18cb_38c0n };
    const ret = { ...PROBE_MAP_RET, name: 'r1' };
    const unmapRet = { ...PROBE_UNMAP_RET, name: 'r2' };
    const alloc = { ...PROBE_ALLOC, name: 'p3' };
    const values = { __probe_ret_ip: 1, ret: 0 };
    const ring = new Ring(LITTLE)
      .event(1n, rawEvent(ret, LITTLE, { ...values, __probe_func: at.map }, { pid: 1 }))
      .event(2n, rawEvent(unmapRet, LITTLE, { ...values, __probe_func: at.unmap }, { pid: 1 }))
      .event(
        3n,
        rawEvent(
          alloc,
          LITTLE,
          { __probe_ip: at.stage2 + 4n, quirks: 0, pgsize_bitmap: 4096, ias: 40, oas: 40, coherent_walk: 0 },
          { pid: 1 },
        ),
      );
    const kallsyms = [
      'ffffb08918cb38c0 t arm_64_lpae_alloc_pgtable_s2',
      'ffffb08918cb4350 t arm_lpae_unmap_pages',
      'ffffb08918cb47f0 t arm_lpae_map_pages',
      'ffffb08918cb4960 T other',
    ].join('\n');
    const plan: TraceDatPlan = planOf(LITTLE, [ring.toBuffer()], { events: [MAP, ret, unmapRet, alloc] });
    const payloads = (file: Buffer): unknown[] => collect(file).events.map(({ payload }) => payload);
    const named = [
      { kind: 'return', isMap: true },
      { kind: 'return', isMap: false },
      { kind: 'alloc', format: 'ARM_64_LPAE_S2', coherent: false },
    ];
    expect(payloads(version6({ ...plan, kallsyms }))).toMatchObject(named);
    expect(payloads(version7({ ...plan, kallsyms }, 'zlib'))).toMatchObject(named);
    // Hidden addresses name nothing, and neither do these names of events: the open call has to do.
    const hidden = kallsyms.replace(/^\S+/gm, '0'.repeat(16));
    const unnamed = [{ isMap: null }, { isMap: null }, { format: 'ARM_64_LPAE_S1' }];
    expect(payloads(version6({ ...plan, kallsyms: hidden }))).toMatchObject(unnamed);
    expect(payloads(version7(plan, 'none'))).toMatchObject(unnamed);
  });
});
