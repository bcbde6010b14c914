import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectEqual, expectSame } from '../../../same.ts';
import { ATTACH, DMA_MAP_SG, MAP, PROBE_MAP, UNMAP } from '../binary/plans.ts';
import { MACHINES, type Machine, rawEvent } from '../binary/raw-events.ts';
import { busySince } from '../robust/survive.ts';
import { version6, version7 } from './build.ts';
import { type Collection, collect, sample } from './collect.ts';
import { map, pages, planOf } from './plan.ts';
import { Ring } from './ring.ts';

const [LITTLE, BIG] = MACHINES;
const SECOND = 1_000_000_000n;

/** A small recording with two CPUs, several pages, and entries of most kinds. */
function recording(machine: Machine): ReturnType<typeof planOf> {
  const [first, second] = [new Ring(machine, 512), new Ring(machine, 512)];
  for (let i = 0; i < 30; i++) {
    const at = SECOND + BigInt(i * 1000);
    first.event(at, map(machine, i, 0));
    second.event(at + 500n, rawEvent(UNMAP, machine, { iova: i, size: 1, unmapped_size: 1 }, { pid: 9 }));
  }
  second.extend(1n << 40n).event(SECOND + (1n << 41n), map(machine, 99));
  first.page(SECOND + (1n << 42n), 3).event(SECOND + (1n << 42n), map(machine, 100));
  const probe = { __probe_ip: 1, ttbr: 2, iova: 3, paddr: 4, pgsize: 4096, pgcount: 1, prot: 7 };
  first.event(SECOND + (1n << 42n), rawEvent(PROBE_MAP, machine, probe, { pid: 1 }));
  second.event(SECOND + (1n << 43n), rawEvent(ATTACH, machine, { device: 'a device' }, { pid: 1 }));
  const lists = { phys_addrs: [1, 2], dma_addrs: [3, 4], lengths: [5, 6] };
  const sg = { device: 'dev', full_nents: 2, full_ents: 2, truncated: 0, dir: 1, attrs: 0, ...lists };
  second.event(SECOND + (1n << 43n), rawEvent(DMA_MAP_SG, machine, sg, { pid: 1 }));
  const events = [MAP, UNMAP, PROBE_MAP, ATTACH, DMA_MAP_SG];
  return planOf(machine, [first.toBuffer(), second.toBuffer()], { pageSize: 512, events, comms: '9 foo\n' });
}

/** What is given of a file that was cut off ends with the last event that the damaged CPU still has. */
function expectStart(cut: Collection, full: Collection, length: number): void {
  if (cut.error === null) {
    // Only what is not used of the last page is missing.
    expectEqual(cut.events, full.events);
    return;
  }
  const start = `trace.dat: the file ends at byte ${length} within `;
  expectSame(cut.error.text.slice(0, start.length), start);
  expectEqual(cut.events, full.events.slice(0, cut.events.length));
  const damaged = /the data of CPU (\d+)/.exec(cut.error.message);
  if (damaged === null) expectSame(cut.events.length, 0);
  else if (cut.events.length === 0) expect(cut.error.message).toContain('all its events are missing');
  else {
    const { cpu, seconds, nanos } = cut.events[cut.events.length - 1].head;
    expectSame(cpu, Number(damaged[1]));
    const when = `${seconds}.${String(nanos).padStart(9, '0')}`;
    const rest = `events from time ${when} on are missing; copy the file again`;
    if (!cut.error.message.includes(rest)) expect(cut.error.message).toContain(rest);
  }
}

describe('files that were cut off', () => {
  test.each([
    [LITTLE, 1],
    [BIG, 7],
  ])('all before the missing bytes: %o, every %d bytes', (machine, step) => {
    const file = version6(recording(machine));
    const full = collect(file);
    expect(full.error).toBeNull();
    expect(full.events).toHaveLength(65);
    let most = 0;
    for (let length = 0; length < file.length; length += step) {
      const cut = collect(file.subarray(0, length));
      expectStart(cut, full, length);
      most = Math.max(most, cut.error === null ? 0 : cut.events.length);
    }
    expect(most).toBeGreaterThan(60);
  });

  test.each(['none', 'zlib', 'zstd'] as const)('version 7, %s: its options are at the end', (compression) => {
    const file = version7(recording(LITTLE), compression);
    const full = collect(file);
    expect(full.events).toHaveLength(65);
    for (let length = 0; length < file.length; length += 3)
      expectStart(collect(file.subarray(0, length)), full, length);
  });

  test('a real recording at every 101st byte', () => {
    const file = sample('version-6.dat.gz');
    const full = collect(file);
    for (let length = 0; length < file.length; length += 101)
      expectStart(collect(file.subarray(0, length)), full, length);
  });

  test('the message says what to do', () => {
    const file = version6(recording(LITTLE));
    const { error } = collect(file.subarray(0, file.length - 600));
    expect(error?.message).toBe(
      `the file ends at byte ${file.length - 600} within the data of CPU 1: events from time 1.000023500 on are missing; copy the file again`,
    );
  });
});

describe('files that are damaged', () => {
  const file = version6(recording(LITTLE));
  const full = collect(file);
  /** The file with some bytes replaced, `from` the start of its second CPU's second page. */
  function damage(from: number, bytes: readonly number[]): Collection {
    const page = file.length - recording(LITTLE).top.cpus[1].length + 512;
    const copy = Buffer.from(file);
    for (const [i, byte] of bytes.entries()) copy[page + from + i] = byte;
    return collect(copy);
  }

  test.each([
    ['a page that announces more than it has', 8, [0xff, 0xff], /: the page announces 65535 bytes: events from time/],
    ['a number of bytes that cuts an event', 8, [38, 0], /an event reaches beyond the end of its page/],
    [
      'an event without room for its head',
      16,
      [1, 0, 0, 0],
      /event \d+, on CPU 1 at .*: it has 4 bytes, too few for any event/,
    ],
    ['an event of a length below its own word', 16, [0, 0, 0, 0, 3, 0, 0, 0], /: an event of 3 bytes: events from/],
    ['a discarded event of 4 GiB', 16, [0x3d, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], /an event reaches beyond the end/],
  ] as const)('%s', (_, from, bytes, message) => {
    const found = damage(from, bytes);
    expect(found.error?.message).toMatch(message);
    expect(found.events.length).toBeGreaterThan(5);
    expect(found.events).toEqual(full.events.slice(0, found.events.length));
  });

  test.each(['zlib', 'zstd'] as const)('blocks whose bytes were changed: %s', (compression) => {
    const packed = version7(recording(LITTLE), compression, 1);
    const pagesOfFirst = recording(LITTLE).top.cpus[0].length / 512;
    let first = 0;
    while (packed.readUInt32LE(first) !== pagesOfFirst || packed.readUInt32LE(first + 8) !== 512) first += 512;
    const block = first + 12 + packed.readUInt32LE(first + 4);
    for (const [offset, value, why] of [
      [3, 0x7f, 'it announces 2130706\\d{3} bytes'],
      [4, 1, `it holds 512 bytes and announces 513|its ${compression} data is damaged`],
      [7, 0x7f, 'it announces 2130706944 bytes'],
      [8, 0x11, `its ${compression} data is damaged`],
    ] as const) {
      const copy = Buffer.from(packed);
      copy[block + offset] = value;
      const found = collect(copy);
      expect(found.error?.message).toMatch(
        new RegExp(`^the data of CPU 0 is damaged in the block at byte ${block}: (?:${why}): events from time`),
      );
      expect(found.events).toEqual(full.events.slice(0, found.events.length));
      expect(found.events.length).toBeGreaterThan(0);
    }
  });

  test('data of two CPUs in the same bytes', () => {
    const copy = Buffer.from(file);
    const sizes = copy.indexOf('flyrecord\0') + 10;
    copy.writeUInt32LE(copy.readUInt32LE(sizes + 8) + 512, sizes + 8);
    expect(collect(copy)).toMatchObject({ events: [] });
    expect(collect(copy).error?.message).toMatch(/the data of CPU 0 reaches into that of CPU 1/);
  });

  test('an event that cannot be read is refused by itself', () => {
    const huge = rawEvent(MAP, LITTLE, { iova: 0, paddr: 0, size: 1n << 60n }, { pid: 1 });
    const ring = new Ring(LITTLE)
      .event(SECOND, map(LITTLE, 1))
      .event(SECOND + 5n, huge)
      .event(SECOND + 9n, map(LITTLE, 2));
    const found = collect(version6(planOf(LITTLE, [Buffer.alloc(0), ring.toBuffer()])));
    expect(pages(found)).toEqual([1, 2]);
    expect(found.refused.map(({ text }) => text)).toEqual([
      'trace.dat: event 2, on CPU 1 at 1.000000005: the size of iommu:map is above 2^53: no mapping is that large',
    ]);
  });
});

describe('random damage', () => {
  const files = [
    sample('version-6.dat.gz'),
    sample('version-7-zstd.dat.gz'),
    version6(recording(BIG)),
    version7(recording(LITTLE), 'zlib'),
    version7(recording(LITTLE), 'none'),
  ];

  test('is told or goes unnoticed, and never takes long', () => {
    const place = fc.record({
      at: fc.oneof(fc.nat(), fc.nat({ max: 4096 })),
      value: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat({ max: 255 })),
      length: fc.constantFrom(1, 1, 1, 4, 8),
    });
    let errors = 0;
    fc.assert(
      fc.property(
        fc.nat({ max: files.length - 1 }),
        fc.array(place, { minLength: 1, maxLength: 4 }),
        (which, places) => {
          const copy = Buffer.from(files[which]);
          for (const { at, value, length } of places)
            copy.fill(value, at % copy.length, Math.min(copy.length, (at % copy.length) + length));
          const start = process.cpuUsage();
          const found = collect(copy, { comms: true });
          const took = busySince(start);
          if (!(took < 2000)) expect(took).toBeLessThan(2000);
          if (found.error !== null || found.refused.length > 0) errors++;
          for (const { payload, head } of found.events) {
            if ('size' in payload) expectSame(Number.isSafeInteger(payload.size), true);
            if (!(head.nanos < 1e9)) expect(head.nanos).toBeLessThan(1e9);
          }
        },
      ),
      { numRuns: 2000, seed: 20261121 },
    );
    expect(errors).toBeGreaterThan(500);
  });
});
