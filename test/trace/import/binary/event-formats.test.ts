import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventFormats, parseEventFormat } from '../../../../src/trace/import/binary/event-formats.ts';
import { DMA_MAP_SG, MAP, PROBE_MAP_RET } from './plans.ts';
import { type EventPlan, formatFile, MACHINES } from './raw-events.ts';

const [LITTLE, , NARROW] = MACHINES;

describe('format files', () => {
  test('fields with their places', () => {
    expect(parseEventFormat(formatFile(MAP, LITTLE), 'iommu')).toMatchObject({
      id: 996,
      name: 'map',
      system: 'iommu',
      common: [
        { name: 'common_type', offset: 0, size: 2 },
        { name: 'common_flags', offset: 2, size: 1 },
        { name: 'common_preempt_count', offset: 3, size: 1 },
        { name: 'common_pid', offset: 4, size: 4, signed: true },
      ],
      fields: [
        { name: 'iova', type: 'u64', offset: 8, size: 8, signed: false, place: 'fixed', isArray: false },
        { name: 'paddr', offset: 16 },
        { name: 'size', type: 'size_t', offset: 24 },
      ],
    });
    expect(parseEventFormat(formatFile(MAP, NARROW), 'iommu')?.fields[2]).toMatchObject({ offset: 24, size: 4 });
    expect(parseEventFormat(formatFile(PROBE_MAP_RET, LITTLE), 'lpae')?.fields[2]).toMatchObject({
      name: 'ret',
      signed: true,
    });
  });

  test('lists and texts, in place and behind the fixed fields', () => {
    const plan: EventPlan = {
      ...DMA_MAP_SG,
      fields: [...DMA_MAP_SG.fields, ['char[16]', 'comm'], ['__rel_loc char[]', 'late']],
    };
    const fields = parseEventFormat(formatFile(plan, LITTLE), 'dma')?.fields ?? [];
    const shape = (name: string): unknown => {
      const { type, place, isArray, isText } = fields.find((field) => field.name === name) ?? {};
      return [type, place, isArray, isText];
    };
    expect(shape('device')).toEqual(['__data_loc char[]', 'data-loc', true, true]);
    expect(shape('lengths')).toEqual(['__data_loc unsigned int[]', 'data-loc', true, false]);
    expect(shape('comm')).toEqual(['char[16]', 'fixed', true, true]);
    expect(shape('late')).toEqual(['__rel_loc char[]', 'rel-loc', true, true]);
    expect(shape('dir')).toEqual(['enum dma_data_direction', 'fixed', false, false]);
  });

  test('declarations that have their name elsewhere, and names that are no words', () => {
    const text =
      'name: a:b\nID: 5\nformat:\n\tfield:void (*fn)(int);\toffset:8;\tsize:8;\tsigned:0;\n\tfield:char names[2][16];\toffset:16;\tsize:32;\tsigned:0;\n';
    expect(parseEventFormat(text, 's')).toMatchObject({
      name: 'a:b',
      fields: [
        { name: '', offset: 8 },
        { name: 'names', type: 'char[2][16]', isArray: true },
      ],
    });
  });

  test('kernels before 2.6.32 print no signs', () => {
    const text =
      'name: x\nID: 5\nformat:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\n\tfield:int a;\toffset:8;\tsize:4;\n';
    expect(parseEventFormat(text, 's')?.fields).toMatchObject([{ name: 'a', offset: 8, size: 4, signed: false }]);
  });

  test('the first format of an id counts', () => {
    const formats = new EventFormats();
    for (const name of ['map', 'other']) {
      const format = parseEventFormat(formatFile({ ...MAP, name }, LITTLE), 'iommu');
      if (format !== null) formats.add(format);
    }
    expect([formats.size, formats.byId(996)?.name, formats.byId(995)]).toEqual([1, 'map', undefined]);
  });
});

describe('damaged format files', () => {
  const text = formatFile(DMA_MAP_SG, LITTLE);

  test('without a name, an id, or with fields that say nothing', () => {
    for (const [found, made] of [
      ['name: dma_map_sg', 'name: '],
      ['name: dma_map_sg', 'name: a b'],
      ['ID: 305', 'ID: 65536'],
      ['ID: 305', 'ID: x'],
      ['offset:24', 'offset:9999999'],
      ['size:8', 'size:-8'],
      ['device;\toffset:8;\tsize:4', 'device;\toffset:8;\tsize:8'],
      ['field:int', 'feld:int'],
      ['format:', 'farmat:'],
    ]) {
      const damaged = text.replace(found, made);
      expect(damaged).not.toBe(text);
      expect(parseEventFormat(damaged, 'dma')).toBeNull();
    }
  });

  test('any text is a format or none, at once', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom('field:', 'offset:', ';', '\n', '[', ']', 'name: x\n', 'ID: 3\n', '__data_loc '),
    );
    fc.assert(
      fc.property(fc.nat({ max: text.length }), fc.nat({ max: 20 }), fc.array(piece), (at, gone, pieces) => {
        const found = parseEventFormat(text.slice(0, at) + pieces.join('') + text.slice(at + gone), 'dma');
        for (const { offset, size } of found?.fields ?? []) expect(offset + size).toBeLessThanOrEqual(2 ** 21);
      }),
      { numRuns: 500, seed: 3 },
    );
    const start = performance.now();
    for (const long of [
      'field:'.repeat(400_000),
      '\n'.repeat(1 << 20),
      `name: x\nID: 1\nformat:\n${'field:int a;offset:8;size:4;\n'.repeat(30_000)}`,
    ]) {
      expect(parseEventFormat(long, 's')).toBeNull();
    }
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe('the format files of a kernel', () => {
  const path = new URL('../../../../../shared/recordings/smmuv3/event-formats-arm64-7.2.txt', import.meta.url);
  let text = '';
  try {
    text = readFileSync(path, 'latin1');
  } catch {
    // Not in this checkout.
  }

  test.runIf(text !== '')('are all read', () => {
    const parts = text.split(/^### \S*events\/(\w+)\/\w+\/format\n/m).slice(1);
    let count = 0;
    for (let i = 0; i < parts.length; i += 2) {
      const format = parseEventFormat(parts[i + 1], parts[i]);
      expect(format?.common).toHaveLength(4);
      expect(format?.fields.every(({ name, size }) => name !== '' && size > 0)).toBe(true);
      count++;
    }
    expect(count).toBeGreaterThan(20);
  });
});
