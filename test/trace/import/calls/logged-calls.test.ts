import { describe, expect, it } from 'vitest';
import type { Event } from '../../../../src/trace/events.ts';
import { type Import, importText } from '../read.ts';

/** A kernel log of dynamic debug; a line may begin with its caller. */
function log(...lines: string[]): Promise<Import> {
  const stamped = lines.map((line) => {
    const [, caller, message] = /^(\[ *[TC]\d+\] )?(.*)$/.exec(line) ?? [];
    return `[    7.242126] ${caller ?? ''}iommu: ${message}\n`;
  });
  return importText(stamped.join(''));
}

const MAP = (iova: string, paddr: string, size: string): string => `map: iova ${iova} pa ${paddr} size ${size}`;
const MAPPING = (iova: string, paddr: string, count: number): string =>
  `mapping: iova ${iova} pa ${paddr} pgsize 0x1000 count ${count}`;
const UNMAP = (iova: string, size: string): string => `unmap this: iova ${iova} size ${size}`;
const UNMAPPED = (iova: string, size: string): string => `unmapped: iova ${iova} size ${size}`;

/** The calls of an import: `map 0x1000 0x8000 2`. */
function calls({ events }: Import): string[] {
  const told: string[] = [];
  for (const { event } of events) {
    if (event.op === 'map_pages') told.push(`map ${event.iova} ${event.paddr} ${event.pgcount}`);
    if (event.op === 'unmap_pages') told.push(`unmap ${event.iova} ${event.pgcount}`);
  }
  return told;
}

function domains({ events }: Import): number {
  return events.filter(({ event }: { event: Event }) => event.op === 'domain').length;
}

describe('a log of several CPUs that names no thread', () => {
  it('gives each call to its own request', async () => {
    const read = await log(
      MAP('0x1000', '0x80000', '0x2000'),
      MAP('0x9000', '0x90000', '0x1000'),
      MAPPING('0x1000', '0x80000', 2),
      MAPPING('0x9000', '0x90000', 1),
      UNMAP('0x1000', '0x2000'),
      UNMAP('0x9000', '0x1000'),
      UNMAPPED('0x9000', '0x1000'),
      UNMAPPED('0x1000', '0x2000'),
    );
    expect(calls(read)).toEqual(['map 0x1000 0x80000 2', 'map 0x9000 0x90000 1', 'unmap 0x1000 2', 'unmap 0x9000 1']);
    expect(domains(read)).toBe(1);
  });

  it('tells maps of one address apart by where they lead', async () => {
    const read = await log(
      MAP('0x1000', '0x80000', '0x2000'),
      MAP('0x1000', '0x90000', '0x2000'),
      MAPPING('0x1000', '0x80000', 1),
      MAPPING('0x1000', '0x90000', 2),
      MAPPING('0x2000', '0x81000', 1),
    );
    expect(calls(read)).toEqual(['map 0x1000 0x80000 1', 'map 0x2000 0x81000 1', 'map 0x1000 0x90000 2']);
  });

  it('an unmap that removed nothing takes no later call', async () => {
    const read = await log(
      UNMAP('0x1000', '0x1000'),
      MAP('0x1000', '0x80000', '0x1000'),
      MAPPING('0x1000', '0x80000', 1),
      UNMAP('0x1000', '0x1000'),
      UNMAPPED('0x1000', '0x1000'),
    );
    expect(calls(read)).toEqual(['map 0x1000 0x80000 1', 'unmap 0x1000 1']);
  });

  it('many requests whose calls never come are handed on', async () => {
    const iovas = Array.from({ length: 40 }, (_, i) => `0x${(4096 * (i + 1)).toString(16)}`);
    const read = await log(...iovas.map((iova) => MAP(iova, '0x80000', '0x1000')));
    expect(read.ops.map).toBe(40);
  });
});

describe('a map that failed', () => {
  const failed = [
    MAP('0xffff5000', '0x80000000', '0x200000'),
    MAPPING('0xffff5000', '0x80000000', 11),
    MAPPING('0x100000000', '0x8000b000', 501),
  ];
  const next = [MAP('0x1000', '0x80000', '0x1000'), MAPPING('0x1000', '0x80000', 1)];

  it.each(['', '[  T187] '])('is left out with the unmap that took it back; caller "%s"', async (caller) => {
    const lines = [...failed, UNMAP('0xffff5000', '0xb000'), UNMAPPED('0xffff5000', '0xb000'), ...next];
    const read = await log(...lines.map((line) => caller + line));
    expect(calls(read)).toEqual(['map 0x1000 0x80000 1']);
    expect(read.outcome.notes?.rolledBack).toBe(1);
  });

  it('in its first call', async () => {
    const read = await log(
      MAP('0x5000', '0x80000', '0x2000'),
      MAPPING('0x5000', '0x80000', 2),
      UNMAP('0x5000', '0x0'),
      ...next,
    );
    expect(calls(read)).toEqual(['map 0x1000 0x80000 1']);
    expect(read.outcome.notes?.rolledBack).toBe(1);
  });

  it('in the middle of a call, with more to come', async () => {
    const read = await log(...failed.slice(0, 2), UNMAP('0xffff5000', '0x3000'), UNMAPPED('0xffff5000', '0x3000'));
    expect(calls(read)).toEqual([]);
    expect(read.outcome.notes?.rolledBack).toBe(1);
  });

  it.each([
    ['all of it', UNMAP('0xffff5000', '0x200000')],
    ['another part of it', UNMAP('0xffff5000', '0x10000')],
    ['what follows the first call', UNMAP('0x100000000', '0xb000')],
  ])('an unmap of %s is one of its own', async (_, unmap) => {
    const read = await log(...failed, unmap);
    expect(read.ops).toMatchObject({ map_pages: 2, unmap: 1 });
    expect(read.outcome.notes?.rolledBack).toBe(0);
  });

  it('an unmap that comes later is one of its own', async () => {
    const lines = [...failed, ...next, UNMAP('0xffff5000', '0xb000'), UNMAPPED('0xffff5000', '0xb000')];
    const read = await log(...lines.map((line) => `[  T187] ${line}`));
    expect(read.ops).toMatchObject({ map_pages: 3, unmap_pages: 1 });
  });
});

describe('page sizes between 4K and 1G', () => {
  it.each([
    ['0x1000', '0x10000', '0x1000'],
    ['0x10000', '0x1000', '0x1000'],
    ['0x4000', '0x10000', '0x4000'],
  ])('%s and %s: the granule is %s', async (first, second, granule) => {
    const read = await log(
      MAP('0x100000', '0x100000', first),
      `mapping: iova 0x100000 pa 0x100000 pgsize ${first} count 1`,
      MAP('0x200000', '0x200000', second),
      `mapping: iova 0x200000 pa 0x200000 pgsize ${second} count 1`,
    );
    const [domain] = read.events.map(({ event }) => event).filter((event) => event.op === 'domain');
    expect(domain).toMatchObject({ cpuPageSize: Number(granule) });
  });
});
