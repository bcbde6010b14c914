import { describe, expect, it } from 'vitest';
import { KernelLogReader } from '../../../../src/trace/import/log/kernel-log.ts';
import type { LoggedEvent } from '../../../../src/trace/import/log/line-reader.ts';
import { decodeEvent } from '../../../../src/trace/ndjson/decode.ts';
import { at, payloadsOf } from './log-lines.ts';

const PANTHOR = '[   12.345678] panthor fb000000.gpu: [drm:panthor_vm_map_pages [panthor]] ';
const PANFROST = '[   12.345678] panfrost fde60000.gpu: ';

function read(...lines: string[]): LoggedEvent {
  const reader = new KernelLogReader();
  const events = lines.map((line) => reader.read(line));
  const last = events.at(-1);
  if (last === null || last === undefined) throw new Error('no event');
  return last;
}

describe('panthor, a message for each io-pgtable call', () => {
  const map =
    'map: as=1, iova=0x7fff00000000, sz=4198400, va=0x7fff00200000, pa=0x00000001cd800000, pgcnt=1, pgsz=2097152';
  const unmap = 'unmap: as=1, iova=0x7fff00000000, sz=4198400, va=0x7fff00200000, pgcnt=2, pgsz=4096';
  const call = {
    kind: 'call',
    isMap: true,
    key: 'as1',
    iova: at(0x7fff00200000),
    paddr: at(0x1cd800000),
    pgsize: 0x200000,
    pgcount: 1,
    prot: null,
    withoutGather: null,
  };

  it('is the call at va, after it', () => {
    const { payloads, unreadable } = read(`${PANTHOR}${map}`);
    expect(unreadable).toBe(0);
    expect(payloads.slice(1)).toEqual([call, { kind: 'return', isMap: true, ret: 0 }]);
  });

  it('of an unmap says what went', () => {
    const { payloads } = read(`${PANTHOR}${map}`, `${PANTHOR.replace('vm_map', 'vm_unmap')}${unmap}`);
    expect(payloads).toEqual([
      { ...call, isMap: false, paddr: at(0), pgsize: 4096, pgcount: 2, withoutGather: true },
      { kind: 'return', isMap: false, ret: 8192 },
    ]);
  });

  it.each([
    `[   12.345678] panthor fb000000.gpu: ${map}`,
    `[   12.345678] [drm:panthor_vm_map_pages [panthor]] ${map}`,
    `[drm:panthor_vm_map_pages [panthor]] ${map}`,
    `panthor fb000000.gpu: ${map}`,
    map,
    `[   12.345678] panthor:panthor_vm_map_pages:960: panthor fb000000.gpu: [drm:panthor_vm_map_pages [panthor]] ${map}\r`,
  ])('%s', (line) => {
    expect(read(line).payloads.slice(1)).toEqual([call, { kind: 'return', isMap: true, ret: 0 }]);
  });

  it('a map that failed at once did nothing', () => {
    const failed = map.replace('pgcnt=1', 'pgcnt=0');
    expect(read(`${PANTHOR}${failed}`)).toMatchObject({ payloads: [], unreadable: 0 });
  });

  it('declares its address space before the first call, as the engine gets it', () => {
    const payloads = payloadsOf(new KernelLogReader(), [
      `${PANTHOR}${map}`,
      `${PANTHOR}${map.replace('as=1', 'as=2')}`,
    ]);
    expect(payloads.map(({ kind }) => kind)).toEqual(['declare', 'call', 'return', 'declare', 'call', 'return']);
    const comment = 'panthor, assumed: 48 bits of IOVAs and 40 of physical addresses, not coherent';
    const event = { format: 'ARM_64_LPAE_S1', pgsizes: '0x201000', ias: 48, oas: 40, coherent: false, comment };
    expect(payloads[0]).toEqual({ kind: 'declare', key: 'as1', event });
    expect(payloads[3]).toEqual({ kind: 'declare', key: 'as2', event });
    expect(() => decodeEvent(JSON.stringify({ op: 'domain', id: 'as1', ...event }))).not.toThrow();
  });

  it('takes the widths of addresses from what the driver said at its start', () => {
    const features =
      '[    2.191478] panthor fb000000.gpu: [drm] Features: L2:0x7120306 Tiler:0x809 Mem:0x301 MMU:0x2728 AS:0xff';
    expect(read(features)).toMatchObject({ payloads: [], unreadable: 0 });
    const [declared] = read(features, `${PANTHOR}${map}`).payloads;
    expect(declared).toMatchObject({
      event: {
        ias: 40,
        oas: 39,
        comment: 'panthor, 40 bits of IOVAs and 39 of physical addresses from its MMU features; assumed: not coherent',
      },
    });
  });
});

describe('requests of older panthor and of panfrost', () => {
  const map = { kind: 'iommu-map', name: 'as0', iova: at(0x2000000), paddr: at(0x1cd800000), size: 0x201000 };
  it.each([
    [`${PANTHOR}map: as=0, iova=2000000, paddr=0x00000001cd800000, len=201000`, 'ARM_64_LPAE_S1'],
    [`${PANFROST}map: as=0, iova=2000000, paddr=1cd800000, len=201000`, 'ARM_MALI_LPAE'],
    ['map: as=0, iova=2000000, paddr=0x1cd800000, len=201000', 'ARM_64_LPAE_S1'],
    ['map: as=0, iova=2000000, paddr=1cd800000, len=201000', 'ARM_MALI_LPAE'],
    [
      `[   12.3] panfrost:mmu_map_sg:320: panfrost fde60000.gpu: map: as=0, iova=2000000, paddr=1cd800000, len=201000`,
      'ARM_MALI_LPAE',
    ],
  ])('%s', (line, format) => {
    const { payloads } = read(line);
    expect(payloads).toMatchObject([
      { kind: 'declare', key: 'as0', event: { format } },
      { ...map, prot: null, ret: null },
    ]);
  });

  it.each([`${PANTHOR}unmap: as=-1, iova=2000000, len=201000`, `${PANFROST}unmap: as=-1, iova=2000000, len=201000`])(
    '%s',
    (line) => {
      const { payloads } = read(line);
      expect(payloads).toMatchObject([
        { kind: 'declare', key: 'as-1' },
        { kind: 'iommu-unmap', name: 'as-1', iova: at(0x2000000), size: 0x201000, unmapped: null },
      ]);
      expect(JSON.stringify(payloads[0])).toContain('every address space without a slot');
    },
  );

  it.each([
    [`${PANFROST}map: as=0, iova=2000000, paddr=1cd800000`, PANFROST.length + 1],
    [`${PANFROST}unmap: as=0, iova=2000000, paddr=1cd800000, len=1000`, PANFROST.length + 1],
    [`${PANFROST}map: as=0, iova=2000000, len=1000`, PANFROST.length + 1],
    [`${PANTHOR}map: as=1, iova=0x1000, sz=4096, va=0x1000, pgcnt=1, pgsz=4096`, PANTHOR.length + 1],
    [`${PANTHOR}unmap: as=1, iova=0x1000, sz=4096, va=0x1000, pa=0x1000, pgcnt=1, pgsz=4096`, PANTHOR.length + 1],
  ])('unreadable: %s', (line, column) => {
    expect(read(line)).toMatchObject({ payloads: [], unreadable: column });
  });
});
