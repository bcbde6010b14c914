import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BareEventReader } from '../../../../src/trace/import/log/bare-event.ts';
import { KernelLogReader } from '../../../../src/trace/import/log/kernel-log.ts';
import { KeyValueReader } from '../../../../src/trace/import/log/key-value.ts';
import type { LineReader, LoggedEvent } from '../../../../src/trace/import/log/line-reader.ts';
import { PerfTraceReader } from '../../../../src/trace/import/log/perf-trace.ts';
import { QemuLogReader } from '../../../../src/trace/import/log/qemu-log.ts';
import { lineReaders } from '../../../../src/trace/import/log/registry.ts';
import { decodeEvent } from '../../../../src/trace/ndjson/decode.ts';

/** A line of each form, and what its readers look for. */
const LINES = [
  '[    7.242126] [  T187] iommu: map: iova 0xffff5000 pa 0x00000000482c0000 size 0x1000',
  'Nov 20 21:49:01 host kernel: [    7.243474] iommu: mapping: iova 0xffff5000 pa 0x482c0000 pgsize 0x1000 count 1',
  '2025-11-20T21:49:01,113585+01:00 iommu: unmap this: iova 0x1aa00000 size 0x400000',
  '[ 1.5] panthor fb000000.gpu: [drm:panthor_vm_map_pages [panthor]] map: as=1, iova=0x7fff00000000, sz=4198400, va=0x7fff00200000, pa=0x1cd800000, pgcnt=1, pgsz=2097152',
  '[ 1.5] panfrost fde60000.gpu: map: as=0, iova=2000000, paddr=1cd800000, len=201000',
  '[ 1.5] panthor fb000000.gpu: [drm] Features: L2:0x7120306 Tiler:0x809 Mem:0x301 MMU:0x2830 AS:0xff',
  '[   51.386066] xe 0000:00:04.0: [drm:vm_bind_ioctl_ops_create [xe]] op=0, addr=0x0000000000000000, range=0x0001000000000000, bo_offset_or_userptr=0x0000000000000000',
  '[   51.386066] xe 0000:00:04.0: [drm:vm_bind_ioctl_ops_create [xe]] UNMAP: addr=0x0, range=0x1000, keep=0',
  '[    7.242126] map: IOMMU: iova=0x1000 - 0x2000 paddr=0x3000 size=4096',
  '  unmap: IOMMU: dev=1d84000.ufshc iova=0x0000000fffa88000 size=4096 unmapped_size=4096',
  '     0.088 dd/252 iommu:map(iova: 4294930432, paddr: 0x481f5000, size: 4096)',
  '7131@1620207496.158864:vfio_listener_region_add_ram region_add [ram] 0xc0000 - 0xdffff [0x7f5d1d400000]',
  'vfio_listener_region_del region_del 0xc0000 - 0xdffff',
  'iommufd_backend_map_dma  iommufd=10 ioas=2 iova=0xc0000 size=0x20000 addr=0x7f5d1d400000 readonly=1 (0)',
  '2021-05-05T09:38:16.158864Z qemu-system-x86_64: vfio_dma_map(0x557b8fd281b0, 0xc0000, 0x1000, 0x7f66406c0000) = -22 (x)',
  'virtio_iommu_map domain=1 virt_start=0xc0000 virt_end=0xdffff phys_start=0x7f5d1d400000 flags=3',
  'pid=616477 comm=x domain=0xff11012805dac210 iova=0xfffffffffffff000 paddr=0x12ecfdd0000 size=0x1000 prot=0x7 gfp=0x400cc0',
  'arm_lpae_unmap_pages domain: 0x1000, iova: 0x10000, pgsize: 4096, pgcount: 2, ret: 8192',
];
const MORSELS = [
  ...new Set(LINES.flatMap((line) => line.split(/(?<=[\s,:=()[\]@])/))),
  ...[
    '\u001b[0m',
    '\r',
    '\0',
    '"',
    '0x',
    '>',
    'ffffffffffffffff',
    '18446744073709551616',
    ' ',
    '  ',
    'é',
    '{',
    '%',
    '<6>',
  ],
];

const REPEATED = [
  ...[
    'a',
    '1',
    ' ',
    '\t',
    '\r',
    '[',
    '[1',
    '<',
    '1.',
    '1,',
    '0x',
    '(',
    ')',
    '"',
    '=',
    '="',
    ':',
    ': ',
    '/1',
    'a/1 ',
    '0:00 ',
  ],
  ...[
    'iova ',
    ': iova ',
    'map: as=',
    ', range=0x',
    'op=0, addr=0x',
    'iommu:',
    'iommu:map(',
    'vfio_',
    ' vfio_',
    ':smmu',
  ],
  ...['dma_map(', 'iova=', 'iova: ', 'iova = ', ' kernel: ', '\u001b[0m', 'MMU:0x', 'map: (a', 'IOMMU:'],
];
const AMOUNTS = ['size', 'bytes', 'pgsize', 'pgcount', 'unmapped'];
/** Milliseconds that no line may take; the machine may have other things to do. */
const LONG = 10;

const readers = (): LineReader[] => [
  new KernelLogReader(),
  new PerfTraceReader(),
  new QemuLogReader(),
  new BareEventReader(),
  new KeyValueReader({}),
];

/** A line of `LINES` with pieces cut out, doubled, swapped for others or repeated up to the longest that is looked at. */
const mutated = fc
  .tuple(
    fc.constantFrom(...LINES),
    fc.array(
      fc.record({
        at: fc.nat(200),
        cut: fc.nat(12),
        morsel: fc.constantFrom(...MORSELS),
        times: fc.constantFrom(0, 1, 1, 1, 2, 40, 4000),
      }),
      { maxLength: 6 },
    ),
  )
  .map(([line, edits]) => {
    let text = line;
    for (const { at, cut, morsel, times } of edits) {
      const start = Math.min(at, text.length);
      text = text.slice(0, start) + morsel.repeat(times) + text.slice(start + cut);
    }
    return text.slice(0, 17_000);
  });

const words = fc.array(fc.constantFrom(...MORSELS), { maxLength: 60 }).map((parts) => parts.join(''));

/** Reads a line and checks what comes out; answers the milliseconds it took: the least of six when it seems long. */
function check(reader: LineReader, line: string): number {
  const times: number[] = [];
  do {
    const start = performance.now();
    const event = reader.read(line);
    times.push(performance.now() - start);
    if (event !== null) checkEvent(event, line);
  } while (times.length < 6 && times[0] > LONG);
  return Math.min(...times);
}

function checkEvent(event: LoggedEvent, line: string): void {
  expect(event.unreadable).toBeGreaterThanOrEqual(0);
  // A column of the line, or right behind it.
  expect(event.unreadable).toBeLessThanOrEqual(line.length + 1);
  expect(event.unreadable === 0 || event.payloads.length === 0).toBe(true);
  expect(Number.isSafeInteger(event.seconds) && event.seconds >= -1).toBe(true);
  expect(Number.isInteger(event.nanos) && event.nanos >= 0 && event.nanos < 1e9).toBe(true);
  expect(event.thread).not.toBe('');
  for (const payload of event.payloads) {
    for (const [name, value] of Object.entries(payload)) {
      if (name === 'iova' || name === 'paddr') expect(isAddress(value)).toBe(true);
      if (typeof value === 'number') expect(Number.isSafeInteger(value)).toBe(true);
      if (AMOUNTS.includes(name)) expect(value ?? 0).toBeGreaterThanOrEqual(0);
    }
    if (payload.kind === 'language') expect(() => decodeEvent(JSON.stringify(payload.event))).not.toThrow();
  }
}

function isAddress(value: unknown): boolean {
  const { hi, lo } = value as { hi: number; lo: number };
  return [hi, lo].every((half) => Number.isInteger(half) && half >= 0 && half < 2 ** 32);
}

describe('lines of each form', () => {
  const formats = ['kernel log', 'perf trace', 'QEMU trace events', 'event lines without columns', 'key=value lines'];
  it('are for one reader, and the registry asks that one', () => {
    const found = LINES.map((line) => lineReaders({}).find((reader) => reader.read(line) !== null)?.format);
    const expected = [...Array(9).fill(0), 3, 1, ...Array(5).fill(2), 4, 4];
    expect(found).toEqual(expected.map((index) => formats[index]));
  });
});

describe('damaged lines', () => {
  it.each(['mutated', 'mixed'])('%s: none throws, none takes long', (kind) => {
    let longest = 0;
    const property = fc.property(
      fc.array(kind === 'mutated' ? mutated : words, { minLength: 1, maxLength: 5 }),
      (lines) => {
        for (const reader of readers()) {
          for (const line of lines) longest = Math.max(longest, check(reader, line));
          reader.finish?.();
        }
      },
    );
    fc.assert(property, { seed: 20251120, numRuns: 1000 });
    expect(longest).toBeLessThan(LONG);
  });

  it('16 KB of the same', () => {
    let longest = 0;
    for (const lead of ['', ...LINES.map((line) => line.slice(0, 40)), ...LINES]) {
      for (const morsel of REPEATED) {
        const text = lead + morsel.repeat(Math.floor((16_384 - lead.length - 1) / morsel.length));
        for (const reader of readers()) {
          for (const end of ['', 'x']) longest = Math.max(longest, check(reader, text + end));
        }
      }
    }
    expect(longest).toBeLessThan(LONG);
  });

  it('longer lines are not looked at', () => {
    for (const line of LINES) {
      const text = line.padEnd(16_385);
      expect(readers().map((reader) => reader.read(text))).toEqual([null, null, null, null, null]);
    }
  });
});
