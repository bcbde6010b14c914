import { describe, expect, it } from 'vitest';
import { KernelLogReader } from '../../../../src/trace/import/log/kernel-log.ts';
import {
  at,
  hasPublicSamples,
  hasRecordings,
  kindsOf,
  payloadsOf,
  publicLines,
  readAll,
  recordedLines,
} from './log-lines.ts';

const NONE = { seconds: -1, nanos: 0 };
const BOOT = { seconds: 1189, nanos: 113585000 };
const UNMAP = 'iommu: unmap this: iova 0xffff5000 size 0x1000';

describe('prefixes of the kernel log', () => {
  it.each([
    ['[ 1189.113585] ', 'log', BOOT],
    ['[    0.000000] ', 'log', { seconds: 0, nanos: 0 }],
    ['[1234567890.000001] ', 'log', { seconds: 1234567890, nanos: 1000 }],
    ['[ 1189.113585] [  T187] ', 'T187', BOOT],
    ['[ 1189.113585][  T187] ', 'T187', BOOT],
    ['[ 1189.113585] [    C0] ', 'C0', BOOT],
    ['[ 1189.113585 <    0.000058>] ', 'log', BOOT],
    ['<7>[ 1189.113585] ', 'log', BOOT],
    ['<7>', 'log', NONE],
    ['7,4711,1189113585,-;', 'log', BOOT],
    ['7,4711,113585,-,caller=T187;', 'T187', { seconds: 0, nanos: 113585000 }],
    ['kern  :debug : [ 1189.113585] ', 'log', BOOT],
    ['[Thu Nov 20 21:49:01 2025] ', 'log', NONE],
    ['[Do Nov 20 21:49:01 2025] [  T187] ', 'T187', NONE],
    ['[Nov20 21:49] ', 'log', NONE],
    ['[  +0.000058] ', 'log', NONE],
    ['2025-11-20T21:49:01,113585+01:00 ', 'log', { seconds: 0, nanos: 113585000 }],
    ['2025-11-20T21:49:01,113585+01:00 [  T187] ', 'T187', { seconds: 0, nanos: 113585000 }],
    ['2025-11-20T20:49:01.113585+0000 host kernel: ', 'log', { seconds: 0, nanos: 113585000 }],
    ['2025-11-20T21:49:01+0100 host kernel: ', 'log', NONE],
    ['2025-11-20T20:49:01.113585Z host kernel: [ 1189.113585] ', 'log', BOOT],
    ['1763671741.113585 host kernel: ', 'log', { seconds: 0, nanos: 113585000 }],
    ['[ 1189.113585] host kernel: ', 'log', BOOT],
    ['Nov 20 21:49:01 host kernel: ', 'log', NONE],
    ['Nov 20 21:49:01 host kernel: [ 1189.113585] ', 'log', BOOT],
    ['Nov 20 21:49:01 host kernel: [ 1189.113585] [    T1] ', 'T1', BOOT],
    ['янв 13 18:17:37 VM kernel: [ 1189.113585] ', 'log', BOOT],
    ['11月 20 21:49:01 localhost.localdomain kernel: ', 'log', NONE],
    ['Do 2025-11-20 21:49:01 CET host kernel: ', 'log', NONE],
    ['11-20 21:49:01.113     0     0 D ', 'log', NONE],
    ['11-20 21:49:01.113  root     0     0 D ', 'log', NONE],
    ['\u001b[32m[ 1189.113585] \u001b[0m\u001b[33m', 'log', BOOT],
    ['', 'log', NONE],
    ['[187] ', 'T187', NONE],
    ['[ 1189.113585] [187] ', 'T187', BOOT],
    ['[ 1189.113585] <intr> ', 'log', BOOT],
    ['[ 1189.113585] [2:  kworker/u16:3:  187] ', 'log', BOOT],
  ])('%j', (prefix, thread, stamp) => {
    const payloads = [
      { kind: 'iommu-unmap', name: null, iova: at(0xffff5000), size: 4096, unmapped: null, logged: true },
    ];
    const event = { payloads, thread, comm: '', ...stamp, unreadable: 0 };
    expect(new KernelLogReader().read(`${prefix}${UNMAP}`)).toEqual(event);
    expect(new KernelLogReader().read(`${prefix}${UNMAP}\r`)).toEqual(event);
  });

  it.each([
    ['2025-11-20T21:49:01,113585+01:00 ', '2025-11-20T21:50:01,113585+01:00 '],
    ['1763671741.113585 host kernel: ', '1763671801.113585 host kernel: '],
  ])('times of day count from the first: %s', (first, second) => {
    const reader = new KernelLogReader();
    expect(reader.read(first + UNMAP)).toMatchObject({ seconds: 0, nanos: 113585000 });
    expect(reader.read(second + UNMAP)).toMatchObject({ seconds: 60, nanos: 113585000 });
    // A clock that was set back.
    expect(reader.read(`1763671740.999999 host kernel: ${UNMAP}`)).toMatchObject(NONE);
    // The kernel's own time stays.
    expect(reader.read(`${first}[ 1189.113585] ${UNMAP}`)).toMatchObject(BOOT);
  });

  it('a tag of Android in the place of the name', () => {
    const line = '11-20 21:49:01.113     0     0 D iommu   : unmapped: iova 0xffff5000 size 0x1000';
    expect(new KernelLogReader().read(line)).toMatchObject({ payloads: [{ kind: 'logged-call', isMap: false }] });
  });

  it.each([
    '[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x411fd070]',
    'Nov 20 21:49:01 host kernel: usb 1-1: new device',
    '[ 1189.113585] iommu: Default domain type: Translated',
    '[ 1189.113585] iommu: unaligned: iova 0x1001 pa 0x2000 size 0x1000 min_pagesz 0x1000',
    '[ 1189.113585] ipu3-imgu 0000:00:05.0: unmap this: iova 0x1000 size 0x1000',
    '[ 1189.113585] arm-smmu 5000000.iommu: Unhandled context fault: fsr=0x402, iova=0x1000, fsynr=0x1',
    '[ 1189.113585] ',
  ])('of no use: %s', (line) => {
    expect(new KernelLogReader().read(line)).toMatchObject({ payloads: [], unreadable: 0 });
  });

  it.each([
    '',
    '   ',
    'text',
    'Nov 20 21:49:01 host systemd[1]: Started.',
    '              dd-186     [000] d....     6.630235: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x3000 size=4096',
    '  swapper     0 [001]    19.532903:   iommu:unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096',
    'iommufd_backend_map_dma  iommufd=27 ioas=2 iova=0x0 size=0x200000000 addr=0x3fd9ff00000 readonly=0 (0)',
    '2021-05-05T09:38:16.158864Z qemu-system-x86_64: warning: host does not support it',
    '2021-05-05T09:38:16.158864+00:00 host systemd[1]: Started.',
    '1763671741.113585 host systemd[1]: Started.',
    '64.463349] iommu: unmapped: iova 0x1a600000 size 0x400000',
  ])('none: %j', (line) => {
    expect(new KernelLogReader().read(line)).toBeNull();
  });
});

describe('dynamic debug of the IOMMU core', () => {
  const [iova, paddr] = [at(0xfffffffffffff000n), at(0x1cd800000n)];
  const map = { kind: 'iommu-map', name: null, iova, paddr, size: 0x400000, prot: null, ret: null, logged: true };
  const mapping = { kind: 'logged-call', isMap: true, iova, paddr, pgsize: 0x200000, bytes: 0x400000 };
  const unmapped = { kind: 'logged-call', isMap: false, iova, paddr: at(0), pgsize: null, bytes: 0x400000 };
  it.each([
    ['map: iova 0xfffffffffffff000 pa 0x00000001cd800000 size 0x400000', map],
    ['map: iova 0xfffffffffffff000 pa 0x1cd800000 size 0x400000', map],
    ['mapping: iova 0xfffffffffffff000 pa 0x00000001cd800000 pgsize 0x200000 count 2', mapping],
    // Without a count it is one page.
    [
      'mapping: iova 0xfffffffffffff000 pa 0x00000001cd800000 pgsize 0x200000',
      { ...mapping, pgsize: 0x200000, bytes: 0x200000 },
    ],
    [
      'mapping: iova 0xfffffffffffff000 pa 0x1cd800000 pgsize 2097152',
      { ...mapping, pgsize: 0x200000, bytes: 0x200000 },
    ],
    ['unmapped: iova 0xfffffffffffff000 size 400000', unmapped],
    ['unmapped: iova 0xfffffffffffff000 size 0x400000', unmapped],
    [
      'unmap this: iova 0xfffffffffffff000 size 0x400000',
      { kind: 'iommu-unmap', name: null, iova, size: 0x400000, unmapped: null, logged: true },
    ],
  ])('%s', (text, payload) => {
    const leads = [
      'iommu: ',
      'iommu:__iommu_map:2345: iommu: ',
      'iommu:drivers/iommu/iommu.c:__iommu_map:2345: iommu: ',
      'iommu:__iommu_map:2345: ',
      'iommu_map: ',
      '[187] iommu:__iommu_map: iommu: ',
    ];
    for (const lead of leads) {
      expect(new KernelLogReader().read(`[    7.242126] ${lead}${text}`)?.payloads, lead).toEqual([payload]);
    }
  });

  it.each([
    ['[    7.242126] iommu: map: iova 0xffff5000 pa 0x000000004', 28],
    ['[    7.242126] iommu: map: iova 0xffff5000 pa (____ptrval____) size 0x1000', 28],
    ['[    7.242126] iommu: unmapped: iova 0xffff5000', 33],
    ['[    7.242126] iommu: mapping: iova 0xffff5000 pa 0x1000 pgsize 0x40000000000000 count 1', 32],
    ['[    7.242126] iommu: mapping: iova 0xffff5000 pa 0x1000 pgsize 0x1000 count 999999999999999', 32],
  ])('unreadable: %s', (line, column) => {
    expect(new KernelLogReader().read(line)).toMatchObject({ payloads: [], unreadable: column });
    expect(line.slice(column - 1)).toMatch(/^iova /);
  });
});

describe('events in the kernel log (tp_printk)', () => {
  it('are read like those of ftrace', () => {
    const line = '[    7.242126] map: IOMMU: iova=0x1000 - 0x2000 paddr=0x3000 size=4096';
    expect(new KernelLogReader().read(line)).toEqual({
      payloads: [
        { kind: 'iommu-map', name: null, iova: at(0x1000), paddr: at(0x3000), size: 4096, prot: null, ret: 0 },
      ],
      thread: 'log',
      comm: '',
      seconds: 7,
      nanos: 242126000,
      unreadable: 0,
    });
  });

  it('a probed call', () => {
    const line =
      '[    7.242126] [  T187] map: (arm_lpae_map_pages+0x0/0x170) ttbr=0x1000 iova=0x1000 paddr=0x3000 pgsize=0x1000 pgcount=1 prot=0x7';
    expect(new KernelLogReader().read(line)).toMatchObject({
      payloads: [{ kind: 'call', isMap: true }],
      thread: 'T187',
    });
  });

  it('one that is cut off', () => {
    const line = '[    7.242126] map: IOMMU: iova=0x1000 - 0x2000 paddr=';
    expect(new KernelLogReader().read(line)).toMatchObject({ payloads: [], unreadable: 21 });
  });

  it('others are of no use', () => {
    const line = '[    7.242126] add_device_to_group: IOMMU: groupID=1 device=0000:00:01.0';
    expect(new KernelLogReader().read(line)).toMatchObject({ unreadable: 0 });
  });
});

describe.skipIf(!hasRecordings)('the recorded kernel log', () => {
  it('has 2520 requests and calls of each kind', () => {
    const lines = recordedLines('6.1-dmesg-iommu-pr_debug.txt.gz');
    const events = readAll(new KernelLogReader(), lines);
    expect(lines.length).toBe(10080);
    expect(events.length).toBe(10080);
    expect(events.filter(({ unreadable, seconds }) => unreadable > 0 || seconds < 0)).toEqual([]);
    const payloads = events.flatMap((event) => event.payloads);
    expect(kindsOf(payloads)).toEqual({ 'iommu-map': 2520, 'iommu-unmap': 2520, 'logged-call': 5040 });
    const calls = payloads.filter((payload) => payload.kind === 'logged-call');
    expect(calls.filter(({ isMap }) => isMap).length).toBe(2520);
    const bytes = (isMap: boolean): number =>
      calls.filter((call) => call.isMap === isMap).reduce((sum, call) => sum + call.bytes, 0);
    const asked = (kind: string): number =>
      payloads.reduce((sum, payload) => sum + (payload.kind === kind && 'size' in payload ? payload.size : 0), 0);
    expect(bytes(true)).toBe(asked('iommu-map'));
    expect(bytes(false)).toBe(asked('iommu-unmap'));
  });
});

describe.skipIf(!hasPublicSamples)('kernel logs that people posted', () => {
  it('of VT-d with VFIO', () => {
    const payloads = payloadsOf(new KernelLogReader(), publicLines('gh-vtd-vfio-dmesg-iommu-pr_debug.txt'));
    expect(kindsOf(payloads)).toEqual({ 'iommu-map': 11, 'iommu-unmap': 5, 'logged-call': 16 });
  });

  it('other samples have none', () => {
    for (const name of ['mail-mtk-2021-iommu-unwrapped.txt', 'mail-qemu-vfio-iommufd-dmabuf-2025.txt']) {
      expect(readAll(new KernelLogReader(), publicLines(name))).toEqual([]);
    }
  });
});
