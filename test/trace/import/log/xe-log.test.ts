import { describe, expect, it } from 'vitest';
import { KernelLogReader } from '../../../../src/trace/import/log/kernel-log.ts';
import type { Payload } from '../../../../src/trace/import/payload.ts';
import { decodeEvent } from '../../../../src/trace/ndjson/decode.ts';
import { hasPublicSamples, payloadsOf, publicLines, readAll } from './log-lines.ts';

const LEAD = '[   51.386066] xe 0000:00:04.0: [drm:vm_bind_ioctl_ops_create [xe]] ';

function op(code: number, addr: bigint, range: bigint, offset = 0n): string {
  const hex = (value: bigint): string => `0x${value.toString(16).padStart(16, '0')}`;
  return `${LEAD}op=${code}, addr=${hex(addr)}, range=${hex(range)}, bo_offset_or_userptr=${hex(offset)}`;
}

function step(text: string, addr: bigint, range: bigint, end = ''): string {
  return `${LEAD}${text}: addr=0x${addr.toString(16)}, range=0x${range.toString(16)}${end}`;
}

function read(...lines: string[]): Payload[] {
  return payloadsOf(new KernelLogReader(), lines);
}

/** The events of the language among payloads, each of which the language itself must take. */
function events(payloads: readonly Payload[]): unknown[] {
  return payloads.flatMap((payload) => {
    if (payload.kind === 'declare')
      return [decodeEvent(JSON.stringify({ op: 'domain', id: payload.key, ...payload.event }))];
    return payload.kind === 'language' ? [decodeEvent(JSON.stringify(payload.event))] : [];
  });
}

const DOMAIN = { op: 'domain', id: '0000:00:04.0', driver: 'xe' };
const BIND = { op: 'bind', domain: '0000:00:04.0', mode: 'sync' };

describe('VM_BIND of xe', () => {
  it('a map gets an object that allows large pages', () => {
    const payloads = read(op(0, 0x7f0a54200000n, 0x400000n), step('MAP', 0x7f0a54200000n, 0x400000n));
    expect(events(payloads)).toMatchObject([
      DOMAIN,
      // The upper half of 46 bits, congruent to the address.
      { op: 'bo', id: '0000:00:04.0 memory', size: 0x400000, segments: [{ paddr: '0x3f0a54200000', size: 0x400000 }] },
      { ...BIND, job: 1, ops: [{ kind: 'map', iova: '0x7f0a54200000', size: 0x400000, bo: '0000:00:04.0 memory' }] },
    ]);
  });

  it('unmaps, maps of user memory and prefetches', () => {
    const payloads = read(
      op(2, 0x1000n, 0x2000n, 0x7ffff000n),
      op(1, 0x1000n, 0x1000n),
      op(4, 0x2000n, 0x1000n),
      op(0, 0x1000n, 0x2000n),
    );
    expect(events(payloads)).toMatchObject([
      DOMAIN,
      { op: 'bo', segments: [{ paddr: '0x200000001000' }] },
      { job: 1, ops: [{ kind: 'map', iova: '0x1000', size: 0x2000 }] },
      { job: 2, ops: [{ kind: 'unmap', iova: '0x1000', size: 0x1000 }] },
      // The same layout again needs no new object.
      { job: 3, ops: [{ kind: 'map', iova: '0x1000', size: 0x2000 }] },
    ]);
  });

  it('steps are no operations of their own', () => {
    const payloads = read(
      op(0, 0x2000n, 0x1000n),
      step('REMAP:UNMAP', 0x1000n, 0x3000n, ', keep=0'),
      step('REMAP:PREV', 0x1000n, 0x1000n),
      step('REMAP:NEXT', 0x3000n, 0x1000n),
      step('UNMAP', 0x1000n, 0x1000n, ', keep=1'),
      step('MAP', 0x2000n, 0x1000n),
      step('PREFETCH', 0x2000n, 0x1000n),
    );
    expect(payloads.map(({ kind }) => kind)).toEqual(['declare', 'language', 'language']);
  });

  it('what goes with an object is told by its steps', () => {
    const other = LEAD.replace('04.0', '05.0');
    const lines = [
      op(3, 0n, 0n),
      step('UNMAP', 0x1000n, 0x1000n, ', keep=0'),
      step('UNMAP', 0x5000n, 0x1000n, ', keep=0'),
      `${other}UNMAP: addr=0x1000, range=0x1000, keep=0`,
      op(4, 0n, 0x1000n),
      step('UNMAP', 0x7000n, 0x1000n, ', keep=0'),
    ];
    expect(events(read(...lines))).toMatchObject([
      DOMAIN,
      { ...BIND, job: 1, ops: [{ kind: 'unmap', iova: '0x1000', size: 0x1000 }] },
      { ...BIND, job: 2, ops: [{ kind: 'unmap', iova: '0x5000', size: 0x1000 }] },
    ]);
  });

  it.each([
    // From half of the memory on there is no room beside the mirror, up to 64 TiB less two pages of 1G.
    [0x200000001000n, 2n ** 45n, '0x40001000'],
    [0xffffc0000000n, 2n ** 30n, '0x3fffc0000000'],
    [0xffffc0000000n, 2n ** 31n, '0x40000000'],
    [0n, 2n ** 46n - 2n ** 30n, '0x40000000'],
  ])('memory at %s for %s bytes', (addr, range, paddr) => {
    expect(events(read(op(0, addr, range)))).toMatchObject([DOMAIN, { op: 'bo', segments: [{ paddr }] }, BIND]);
  });

  it.each([2n ** 46n, 2n ** 48n, 2n ** 52n])('a range of %s bytes has no memory', (range) => {
    const ops = [{ kind: 'map_null', iova: '0x0', size: Number(range) }];
    expect(events(read(op(0, 0n, range)))).toMatchObject([DOMAIN, { ...BIND, ops }]);
  });

  it.each([
    [op(5, 0n, 0x1000n), LEAD.length + 1],
    [op(0, 0n, 2n ** 53n), LEAD.length + 1],
    [op(0, 0n, 0x1000n).slice(0, -18), LEAD.length + 1],
  ])('unreadable: %s', (line, column) => {
    expect(new KernelLogReader().read(line)).toMatchObject({ payloads: [], unreadable: column });
  });

  it('an empty map or unmap does nothing', () => {
    expect(read(op(0, 0x1000n, 0n), op(1, 0x1000n, 0n))).toEqual([]);
  });

  it('tells what it had to make up once there is something', () => {
    const reader = new KernelLogReader();
    expect(reader.note).toBeNull();
    reader.read(op(0, 0n, 0x1000n));
    expect(reader.note).toContain('physical addresses are not recorded');
  });

  it.skipIf(!hasPublicSamples)('the posted one: two maps of all there is', () => {
    const lines = publicLines('mail-xe-vm_dbg-vm_bind.txt');
    const all = readAll(new KernelLogReader(), lines);
    expect(all.length).toBe(4);
    expect(events(all.flatMap(({ payloads }) => payloads))).toMatchObject([
      DOMAIN,
      { ...BIND, job: 1, ops: [{ kind: 'map_null', iova: '0x0', size: 2 ** 48 }] },
      { ...BIND, job: 2, ops: [{ kind: 'map_null', iova: '0x0', size: 2 ** 48 }] },
    ]);
  });
});
