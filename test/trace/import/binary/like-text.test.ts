import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isUnreadable, parsePayload } from '../../../../src/trace/import/text/payload-text.ts';
import * as plans from './plans.ts';
import { type EventPlan, MACHINES, type Machine } from './raw-events.ts';
import { readRaw } from './read-raw.ts';

const [LITTLE] = MACHINES;
const RUNS = { numRuns: 100, seed: 7 };

const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
/** Sizes as a kernel of this machine can record them. */
function sizes(machine: Machine): fc.Arbitrary<bigint> {
  const bits = machine.longSize === 4 ? 32n : 64n;
  return fc.oneof(fc.bigInt({ min: 0n, max: (1n << bits) - 1n }), fc.bigInt({ min: 0n, max: 1n << 30n }));
}
function padded(value: bigint): string {
  return `0x${value.toString(16).padStart(16, '0')}`;
}
function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}

/** The payload of a printed event; a text when it is unreadable. */
function printed(event: string, args: string): unknown {
  return parsePayload(event, args) ?? (isUnreadable(event, args) ? 'unreadable' : null);
}

function recorded(...parameters: Parameters<typeof readRaw>): unknown {
  const found = readRaw(...parameters);
  return typeof found === 'string' ? 'unreadable' : found;
}

describe.each(MACHINES)(
  'like the text of the same event, big endian: $bigEndian, bytes of a long: $longSize',
  (machine) => {
    test('iommu:map and iommu:unmap', () => {
      fc.assert(
        fc.property(u64, u64, sizes(machine), sizes(machine), (iova, paddr, size, done) => {
          expect(recorded(plans.MAP, machine, { iova, paddr, size })).toEqual(
            printed('map', `IOMMU: iova=${padded(iova)} - ${padded(0n)} paddr=${padded(paddr)} size=${size}`),
          );
          expect(recorded(plans.UNMAP, machine, { iova, size, unmapped_size: done })).toEqual(
            printed('unmap', `IOMMU: iova=${padded(iova)} - ${padded(0n)} size=${size} unmapped_size=${done}`),
          );
        }),
        RUNS,
      );
    });

    test('requests of old and of vendor kernels', () => {
      const old: EventPlan = {
        ...plans.MAP,
        fields: [
          ['u64', 'iova'],
          ['u64', 'paddr'],
          ['int', 'size'],
        ],
      };
      // Sizes from 2 GiB up are negative as an int, and printed as they should be.
      expect(readRaw(old, machine, { iova: 4096, paddr: 8192, size: 0x8000_0000 })).toEqual(
        parsePayload('map', 'IOMMU: iova=0x0000000000001000 paddr=0x0000000000002000 size=0x80000000'),
      );
      // Old unmaps have a paddr that says nothing.
      expect(readRaw({ ...old, name: 'unmap' }, machine, { iova: 4096, paddr: 1, size: 8192 })).toEqual(
        parsePayload('unmap', 'IOMMU: iova=0x0000000000001000 size=0x2000'),
      );
      const named: EventPlan = {
        ...plans.MAP,
        fields: [['__data_loc char[]', 'name'], ...plans.MAP.fields, ['int', 'prot']],
      };
      const values = { name: 'qcom,gpu', iova: 4096, paddr: 8192, size: 4096, prot: 7 };
      expect(readRaw(named, machine, values)).toEqual(
        parsePayload('map', 'IOMMU:qcom,gpu iova=0x0000000000001000 paddr=0x0000000000002000 size=0x1000 prot=0x7'),
      );
      expect(readRaw(named, machine, { ...values, name: '' })).toMatchObject({ kind: 'iommu-map', name: null });
      const fixed: EventPlan = { ...plans.UNMAP, fields: [['char[16]', 'dev'], ...plans.UNMAP.fields] };
      expect(readRaw(fixed, machine, { dev: '1d84000.ufshc', iova: 4096, size: 4096, unmapped_size: 0 })).toEqual(
        parsePayload(
          'unmap',
          'IOMMU: dev=1d84000.ufshc iova=0x0000000000001000 - 0x0000000000002000 size=4096 unmapped_size=0',
        ),
      );
      const list: EventPlan = {
        ...plans.MAP,
        name: 'map_sg',
        fields: [
          ['__rel_loc char[]', 'name'],
          ['u64', 'iova'],
          ['size_t', 'size'],
          ['int', 'prot'],
        ],
      };
      expect(readRaw(list, machine, { name: 'dom', iova: 4096, size: 4096, prot: 3 })).toEqual(
        parsePayload('map_sg', 'IOMMU:dom iova=0x0000000000001000 size=0x1000 prot=0x3'),
      );
    });

    test('probed calls', () => {
      const count = fc.bigInt({ min: 0n, max: 1n << 20n });
      fc.assert(
        fc.property(u64, u64, u64, sizes(LITTLE), count, fc.nat(), (ttbr, iova, paddr, pgsize, pgcount, prot) => {
          const ip = 0xb089_18cbn;
          const call = `iova=${hex(iova)}`;
          expect(
            recorded(plans.PROBE_MAP, machine, { __probe_ip: ip, ttbr, iova, paddr, pgsize, pgcount, prot }),
          ).toEqual(
            printed(
              'map',
              `(${ip.toString(16)}) ttbr=${hex(ttbr)} ${call} paddr=${hex(paddr)} pgsize=${hex(pgsize)} pgcount=${pgcount} prot=${hex(prot)}`,
            ),
          );
          expect(recorded(plans.PROBE_UNMAP, machine, { __probe_ip: ip, ttbr, iova, pgsize, pgcount })).toEqual(
            printed('unmap', `(${ip.toString(16)}) ttbr=${hex(ttbr)} ${call} pgsize=${hex(pgsize)} pgcount=${pgcount}`),
          );
        }),
        RUNS,
      );
    });

    test('other names of the key and of the event, no key, a gather', () => {
      const fields = plans.PROBE_UNMAP.fields;
      for (const key of ['ops', 'dom', 'domain']) {
        const plan: EventPlan = {
          ...plans.PROBE_UNMAP,
          name: 'p_17',
          fields: fields.map(([type, name]) => [type, name === 'ttbr' ? key : name]),
        };
        expect(
          readRaw(plan, machine, { __probe_ip: 1, [key]: 0xffff_21fa_c82a_ec68n, iova: 0, pgsize: 4096, pgcount: 2 }),
        ).toEqual(parsePayload('p_17', `(ffff) ${key}=0xffff21fac82aec68 iova=0x0 pgsize=0x1000 pgcount=2`));
      }
      const bare: EventPlan = {
        ...plans.PROBE_UNMAP,
        fields: [...fields.filter(([, name]) => name !== 'ttbr'), ['unsigned long', 'gather']],
      };
      for (const gather of [0, 5]) {
        expect(readRaw(bare, machine, { __probe_ip: 1, iova: 0, pgsize: 4096, pgcount: 2, gather })).toEqual(
          parsePayload('unmap', `(ffff) iova=0x0 pgsize=0x1000 pgcount=2 gather=0x${gather}`),
        );
      }
    });

    test('returns of probed calls', () => {
      const s32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
      const probe = { __probe_func: 1, __probe_ret_ip: 2 };
      fc.assert(
        fc.property(s32, u64, (ret, wide) => {
          const at = '(ffffbc34 <- ffffbc35)';
          expect(readRaw(plans.PROBE_MAP_RET, machine, { ...probe, ret })).toEqual(
            parsePayload('map_ret', `${at} ret=${ret}`),
          );
          expect(readRaw(plans.PROBE_UNMAP_RET, machine, { ...probe, ret: wide })).toEqual(
            parsePayload('unmap_ret', `${at} ret=${hex(wide)}`),
          );
          // A probe without a type records the whole register.
          const untyped: EventPlan = { ...plans.PROBE_MAP_RET, fields: plans.PROBE_UNMAP_RET.fields };
          expect(readRaw(untyped, machine, { ...probe, ret: wide })).toEqual(
            parsePayload('map_ret', `${at} ret=${hex(wide)}`),
          );
          const small: EventPlan = {
            ...plans.PROBE_MAP_RET,
            name: 'unmap_ret',
            fields: [
              ['u32', 'ret'],
              ['unsigned long', '__probe_func'],
            ],
          };
          expect(readRaw(small, machine, { ret: ret >>> 0, __probe_func: 1 })).toEqual(
            parsePayload('unmap_ret', `${at} ret=${hex(ret >>> 0)}`),
          );
          const tiny: EventPlan = {
            ...small,
            name: 'map_ret',
            fields: [
              ['s16', 'ret'],
              ['unsigned long', '__probe_func'],
            ],
          };
          const byte = (ret << 16) >> 16;
          expect(readRaw(tiny, machine, { ret: byte, __probe_func: 1 })).toEqual(
            parsePayload('map_ret', `${at} ret=${byte}`),
          );
        }),
        RUNS,
      );
    });

    test('page tables made and freed', () => {
      const quirks = fc.nat({ max: 0x3ff });
      fc.assert(
        fc.property(
          quirks,
          fc.nat(),
          fc.nat({ max: 64 }),
          fc.nat({ max: 52 }),
          fc.boolean(),
          (bits, sizes, ias, oas, coherent) => {
            const values = {
              __probe_ip: 1,
              quirks: bits,
              pgsize_bitmap: sizes,
              ias,
              oas,
              coherent_walk: coherent ? 1 : 0,
            };
            for (const name of ['alloc_s1', 'alloc_s2', 'arm_32_lpae_alloc_pgtable_s2', 'alloc_mali']) {
              expect(readRaw({ ...plans.PROBE_ALLOC, name }, machine, values)).toEqual(
                parsePayload(
                  name,
                  `(ffff) quirks=${hex(bits)} pgsize_bitmap=${hex(sizes)} ias=${ias} oas=${oas} coherent_walk=${coherent ? 1 : 0}`,
                ),
              );
            }
          },
        ),
        RUNS,
      );
      expect(readRaw(plans.PROBE_FREE, machine, { __probe_ip: 1, ttbr: 0x4699_b000 })).toEqual(
        parsePayload('free', '(ffff) ttbr=0x4699b000'),
      );
    });

    test('dma:*', () => {
      const directions = ['BIDIRECTIONAL', 'TO_DEVICE', 'FROM_DEVICE', 'NONE'];
      const list = fc.array(fc.record({ phys: u64, dma: u64, size: fc.nat() }), { maxLength: 20 });
      fc.assert(
        fc.property(fc.nat({ max: 3 }), u64, fc.nat(), list, (dir, dma_addr, size, ranges) => {
          const device = '0000:00:02.0';
          const single = { device, phys_addr: 1, dma_addr, size, dir, attrs: 0 };
          for (const name of [
            'dma_map_page',
            'dma_unmap_phys',
            'dma_alloc',
            'dma_free',
            'dma_alloc_sgt',
            'dma_map_resource',
          ]) {
            expect(readRaw({ ...plans.DMA_MAP_PAGE, name }, machine, single)).toEqual(
              parsePayload(
                name,
                `${device} dir=${directions[dir]} dma_addr=${dma_addr.toString(16)} size=${size} phys_addr=1 attrs=`,
              ),
            );
          }
          const dma_addrs = ranges.map((range) => range.dma);
          const lengths = ranges.map((range) => range.size);
          const phys_addrs = [...ranges.map(({ phys }) => phys), 5n];
          const values = {
            device,
            full_nents: 1,
            full_ents: 1,
            truncated: 0,
            phys_addrs,
            dma_addrs,
            lengths,
            dir,
            attrs: 0,
          };
          const text = `${device} dir=${directions[dir]} nents=1/1 ents=1/1 dma_addrs={${dma_addrs.map(hex)}} sizes={${lengths.map(hex)}} phys_addrs={0x5} attrs=`;
          expect(readRaw(plans.DMA_MAP_SG, machine, values)).toEqual(parsePayload('dma_map_sg', text));
          expect(readRaw(plans.DMA_UNMAP_SG, machine, { device, addrs: phys_addrs, dir, attrs: 0 })).toEqual(
            parsePayload('dma_unmap_sg', `${device} dir=${directions[dir]} phys_addrs={0x5} attrs=`),
          );
        }),
        RUNS,
      );
      const undirected: EventPlan = {
        ...plans.DMA_MAP_PAGE,
        name: 'dma_alloc',
        fields: plans.DMA_MAP_PAGE.fields.filter(([, name]) => name !== 'dir'),
      };
      expect(readRaw(undirected, machine, { device: 'a', phys_addr: 0, dma_addr: 16, size: 4, attrs: 0 })).toEqual(
        parsePayload('dma_alloc', 'a dma_addr=10 size=4 virt_addr=0 flags=GFP attrs='),
      );
    });

    test('devices and faults', () => {
      const text: Readonly<Record<string, string>> = {
        attach_device_to_domain: 'IOMMU: device=0000:00:02.0',
        detach_device_from_domain: 'IOMMU: device=0000:00:02.0',
        add_device_to_group: 'IOMMU: groupID=3 device=0000:00:02.0',
        remove_device_from_group: 'IOMMU: groupID=3 device=0000:00:02.0',
      };
      for (const [name, args] of Object.entries(text)) {
        expect(readRaw({ ...plans.ATTACH, name }, machine, { device: '0000:00:02.0' })).toEqual(
          parsePayload(name, args),
        );
      }
      expect(readRaw(plans.FAULT, machine, { device: '0000:05:00.0', driver: '[drv]', iova: 1, flags: 0 })).toEqual(
        parsePayload('io_page_fault', 'IOMMU:[drv] 0000:05:00.0 iova=0x0000000000000001 flags=0x0000'),
      );
    });
  },
);
