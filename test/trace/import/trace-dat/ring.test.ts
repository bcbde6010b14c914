import { describe, expect, test } from 'vitest';
import { DMA_MAP_SG, MAP } from '../binary/plans.ts';
import { Bytes, MACHINES, type Machine, rawEvent } from '../binary/raw-events.ts';
import { version6, version7 } from './build.ts';
import { collect } from './collect.ts';
import { map, pages, planOf, times } from './plan.ts';
import { Ring } from './ring.ts';

const [LITTLE] = MACHINES;
const SECOND = 1_000_000_000n;

/** One CPU, read in every form. */
function read(machine: Machine, ...cpus: Ring[]) {
  const plan = planOf(
    machine,
    cpus.map((ring) => ring.toBuffer()),
  );
  const forms = [version6(plan), version7(plan, 'none'), version7(plan, 'zlib'), version7(plan, 'zstd')].map((file) =>
    collect(file),
  );
  for (const form of forms) expect(form).toEqual(forms[0]);
  expect(forms[0].error).toBeNull();
  return forms[0];
}

describe.each(MACHINES)('ring buffers, big endian: $bigEndian, bytes of a long: $longSize', (machine) => {
  test('events over several pages and CPUs come in the order of time, at the same time by CPU', () => {
    const first = new Ring(machine, 4096);
    const second = new Ring(machine, 4096);
    for (let i = 0; i < 400; i++) {
      first.event(SECOND + BigInt(i * 10), map(machine, 2 * i, 1));
      second.event(SECOND + BigInt(i * 10 + (i % 3 === 0 ? 0 : 5)), map(machine, 2 * i + 1, 0));
    }
    expect(first.toBuffer().length).toBeGreaterThan(2 * 4096);
    const found = read(machine, first, second);
    expect(pages(found)).toEqual(Array.from({ length: 800 }, (_, i) => i));
    expect(found.events[0].head).toEqual({ thread: '1', level: 0, cpu: 0, comm: '', seconds: 1, nanos: 0 });
    expect(found.events[1].head).toEqual({ thread: '0@1', level: 0, cpu: 1, comm: '', seconds: 1, nanos: 0 });
    expect(times(found).at(-1)).toBe('1.000003990');
  });

  test('time extends, absolute times, discarded events, padding', () => {
    const ring = new Ring(machine).page(SECOND).event(SECOND, map(machine, 1));
    // More than 27 bits, then more than 53.
    ring.event(4n * SECOND, map(machine, 2)).extend(1n << 55n);
    ring.event(4n * SECOND + (1n << 55n) + 7n, map(machine, 3));
    ring
      .padding(5n, 40)
      .padding(1n, 4)
      .event(4n * SECOND + (1n << 55n) + 20n, map(machine, 4));
    ring.absolute(60_000n * SECOND + 1n).event(60_000n * SECOND + 2n, map(machine, 5));
    ring.padding(0n, 4).raw(map(machine, 0));
    ring.page(70_000n * SECOND).event(70_000n * SECOND, map(machine, 6));
    const found = read(machine, ring);
    expect(pages(found)).toEqual([1, 2, 3, 4, 5, 6]);
    const far = (1n << 55n) + 4n * SECOND;
    const text = (time: bigint): string => `${time / SECOND}.${String(time % SECOND).padStart(9, '0')}`;
    expect(times(found)).toEqual([
      '1.000000000',
      '4.000000000',
      text(far + 7n),
      text(far + 20n),
      '60000.000000002',
      '70000.000000000',
    ]);
  });

  test('times beyond 2^53 ns are exact, and the upper bits of absolute times are those of the page', () => {
    const boot = (5n << 59n) + 123_456_789n;
    const ring = new Ring(machine)
      .page(boot)
      .event(boot + 1n, map(machine, 1))
      .absolute(boot + (1n << 40n) + 3n);
    ring.event(boot + (1n << 40n) + 3n, map(machine, 2));
    const expected = [boot + 1n, boot + (1n << 40n) + 3n].map(
      (t) => `${t / SECOND}.${String(t % SECOND).padStart(9, '0')}`,
    );
    expect(times(read(machine, ring))).toEqual(expected);
  });

  test('large events have their length in a word of its own', () => {
    const lengths = Array.from({ length: 40 }, (_, i) => i + 1);
    const values = { device: 'd', full_nents: 40, full_ents: 40, truncated: 0, dir: 0, attrs: 0, phys_addrs: lengths };
    const large = rawEvent(DMA_MAP_SG, machine, { ...values, dma_addrs: lengths, lengths }, { pid: 3 });
    expect(large.length).toBeGreaterThan(112);
    const ring = new Ring(machine).event(SECOND, large).event(SECOND + 1n, map(machine, 5));
    const found = collect(version6(planOf(machine, [ring.toBuffer()], { events: [MAP, DMA_MAP_SG] })));
    expect(found.events.map(({ payload }) => payload.kind)).toEqual(['dma', 'iommu-map']);
    expect(found.events[0].payload).toMatchObject({
      ranges: lengths.map((n) => ({ iova: { hi: 0, lo: n }, size: n })),
    });
  });

  test('events that were lost: counted, not counted, behind the last event', () => {
    const ring = new Ring(machine).page(SECOND, 12).event(SECOND, map(machine, 1)).event(SECOND, map(machine, 2));
    ring
      .page(2n * SECOND, null)
      .absolute(2n * SECOND)
      .event(2n * SECOND, map(machine, 3));
    ring
      .page(3n * SECOND, 1)
      .page(4n * SECOND, 2)
      .event(4n * SECOND, map(machine, 4))
      .page(5n * SECOND, 9);
    const found = read(machine, ring);
    expect(pages(found)).toEqual([1, 2, 3, 4]);
    expect(found.lost).toEqual([
      [0, 12],
      [2, 0],
      [3, 3],
      [4, 9],
    ]);
  });
});

describe('ring buffers', () => {
  test('a page of zeros is a hole in the file: events are missing', () => {
    const ring = new Ring(LITTLE)
      .event(SECOND, map(LITTLE, 1))
      .page(0n)
      .event(2n * SECOND, map(LITTLE, 2));
    expect(read(LITTLE, new Ring(LITTLE).event(SECOND, map(LITTLE, 1)).page(0n).page(SECOND)).lost).toEqual([[1, 0]]);
    expect(read(LITTLE, ring).lost).toEqual([]);
  });

  test('CPUs without data and events of kinds that are not described', () => {
    const other = new Bytes(false).number(2, 77).number(6, 0).number(8, 5).toBuffer();
    const ring = new Ring(LITTLE).event(SECOND, other).event(SECOND, map(LITTLE, 1)).event(SECOND, other);
    const found = read(LITTLE, new Ring(LITTLE), ring, new Ring(LITTLE));
    expect(found).toMatchObject({ read: 3, ignored: 2 });
    expect(found.events.map(({ head, line }) => [head.cpu, line])).toEqual([[1, 2]]);
  });

  test('a time of many CPUs', () => {
    const rings = Array.from({ length: 37 }, () => new Ring(LITTLE));
    const order = Array.from({ length: 3000 }, (_, i) => i);
    for (const i of order) rings[(i * i) % 37].event(SECOND + BigInt(i), map(LITTLE, i));
    expect(pages(read(LITTLE, ...rings))).toEqual(order);
  });

  test('large pages of the ring buffer', () => {
    const ring = new Ring(LITTLE, 65536);
    for (let i = 0; i < 5000; i++) ring.event(SECOND + BigInt(i), map(LITTLE, i));
    const plan = planOf(LITTLE, [ring.toBuffer()], { pageSize: 65536 });
    for (const file of [version6(plan), version7(plan, 'zlib')]) expect(pages(collect(file))).toHaveLength(5000);
  });
});
