import { describe, expect, test } from 'vitest';
import * as plans from './plans.ts';
import { Bytes, type EventPlan, MACHINES, rawEvent } from './raw-events.ts';
import { readerOf, readRaw } from './read-raw.ts';

const [LITTLE] = MACHINES;

describe('what tells the kinds apart', () => {
  test('the function that a return comes from, where it is known', () => {
    const ret = { ...plans.PROBE_MAP_RET, name: 'r' };
    const values = { __probe_func: 0x1234, __probe_ret_ip: 1, ret: 5 };
    expect(readRaw(ret, LITTLE, values, () => 'arm_lpae_unmap_pages')).toEqual({
      kind: 'return',
      isMap: false,
      ret: 5,
    });
    expect(
      readRaw({ ...ret, name: 'unmap_ret' }, LITTLE, values, ({ lo }) => (lo === 0x1234 ? 'arm_lpae_map_pages' : null)),
    ).toEqual({
      kind: 'return',
      isMap: true,
      ret: 5,
    });
  });

  test('events of no use', () => {
    const useless: EventPlan[] = [
      plans.DMA_SYNC,
      { ...plans.DMA_MAP_PAGE, name: 'dma_map_sg_err' },
      { ...plans.DMA_MAP_PAGE, system: 'dmaengine' },
      { ...plans.ATTACH, system: 'vfio' },
      { ...plans.UNMAP, name: 'map_start' },
      { ...plans.ATTACH, name: 'map', system: 'vfio' },
      {
        system: 'lpae',
        name: 'other',
        id: 3,
        fields: [
          ['unsigned long', '__probe_ip'],
          ['u64', 'size'],
        ],
      },
    ];
    for (const plan of useless) {
      const values = Object.fromEntries(plan.fields.map(([type, name]) => [name, type.includes('char') ? 'x' : 1]));
      expect(readRaw(plan, LITTLE, values)).toBeNull();
    }
  });

  test('the thread, its level, and events that nobody describes', () => {
    const reader = readerOf(plans.MAP, LITTLE);
    const levels = [
      [0x00, 0],
      [0x01, 0],
      [0x10, 1],
      [0x08, 2],
      [0x18, 2],
      [0x40, 3],
      [0x48, 3],
      [0xa7, 0],
    ];
    for (const [flags, level] of levels) {
      const raw = rawEvent(plans.MAP, LITTLE, { iova: 1, paddr: 2, size: 3 }, { pid: 4_000_000, flags });
      expect(reader.read(raw, 0, raw.length)).toMatchObject({ pid: 4_000_000, level });
    }
    const unknown = new Bytes(false).number(2, 12).number(1, 0x10).number(1, 0).number(4, 3).toBuffer();
    expect(reader.read(unknown, 0, 8)).toEqual({ format: null, payload: null, unreadable: null, pid: 3, level: 1 });
    expect(reader.read(unknown, 0, 7)).toBeNull();
    expect(reader.read(unknown, 4, 13)).toBeNull();
  });
});

describe('events that cannot be read', () => {
  test.each([
    [
      {
        ...plans.MAP,
        fields: [
          ['u64', 'iova'],
          ['size_t', 'size'],
        ],
      } as EventPlan,
      /^the fields of iommu:map are in no known form: u64 iova, size_t size; expected are iova, paddr and size$/,
    ],
    [
      { ...plans.ATTACH, name: 'unmap' },
      /^the fields of iommu:unmap are in no known form: __data_loc char\[\] device;/,
    ],
    [
      {
        ...plans.UNMAP,
        fields: [
          ['char[8]', 'iova'],
          ['size_t', 'size'],
        ],
      } as EventPlan,
      /^the fields of iommu:unmap are in no known form/,
    ],
    [
      { ...plans.PROBE_MAP, fields: plans.PROBE_MAP.fields.filter(([, name]) => name !== 'pgcount') },
      /^the fields of lpae:map are in no known form: .*; expected are iova, pgsize and pgcount/,
    ],
  ])('fields of other forms: %#', (plan, message) => {
    const values = Object.fromEntries(plan.fields.map(([type, name]) => [name, type.endsWith('char[]') ? 'x' : 1]));
    expect(readRaw(plan, LITTLE, values)).toMatch(message);
  });

  test('events that are too short, texts beyond their end, sizes that nothing has', () => {
    const named: EventPlan = { ...plans.MAP, fields: [['__data_loc char[]', 'name'], ...plans.MAP.fields] };
    const whole: (readonly [EventPlan, Record<string, number | string | number[]>])[] = [
      [plans.MAP, { iova: 1, paddr: 2, size: 3 }],
      [plans.UNMAP, { iova: 1, size: 3, unmapped_size: 4 }],
      [named, { name: 'abcdefg', iova: 1, paddr: 2, size: 3 }],
      [plans.PROBE_MAP, { __probe_ip: 1, ttbr: 1, iova: 1, paddr: 1, pgsize: 1, pgcount: 1, prot: 1 }],
      [plans.PROBE_UNMAP_RET, { __probe_func: 1, __probe_ret_ip: 1, ret: 1 }],
      [plans.PROBE_FREE, { __probe_ip: 1, ttbr: 1 }],
      [plans.PROBE_ALLOC, { __probe_ip: 1, quirks: 0, pgsize_bitmap: 4096, ias: 48, oas: 44, coherent_walk: 0 }],
      [plans.DMA_MAP_PAGE, { device: 'abcdefg', phys_addr: 1, dma_addr: 1, size: 1, dir: 1, attrs: 1 }],
      [
        plans.DMA_MAP_SG,
        {
          device: 'abc',
          full_nents: 1,
          full_ents: 1,
          truncated: 0,
          phys_addrs: [1],
          dma_addrs: [1],
          lengths: [1, 2],
          dir: 1,
          attrs: 1,
        },
      ],
    ];
    for (const [plan, values] of whole) {
      const raw = rawEvent(plan, LITTLE, values, { pid: 1 });
      const reader = readerOf(plan, LITTLE);
      expect(reader.read(raw, 0, raw.length)?.payload).not.toBeNull();
      for (let length = 8; length <= raw.length - 4; length += 4) {
        expect(reader.read(raw, 0, length)?.unreadable).toMatch(
          /^\w+:\w+ has \d+ bytes where its fields take \d+|^a field of \w+:\w+ points beyond the event's end/,
        );
      }
    }
    expect(readRaw(plans.MAP, LITTLE, { iova: 0, paddr: 0, size: 1n << 53n })).toBe(
      'the size of iommu:map is above 2^53: no mapping is that large',
    );
    expect(readRaw(plans.UNMAP, LITTLE, { iova: 0, size: 1, unmapped_size: 1n << 63n })).toMatch(
      /^a size of iommu:unmap is above 2\^53/,
    );
    expect(
      readRaw(plans.PROBE_UNMAP, LITTLE, { __probe_ip: 0, ttbr: 0, iova: 0, pgsize: 1n << 30n, pgcount: 1n << 30n }),
    ).toMatch(/^pgsize times pgcount/);
  });
});
