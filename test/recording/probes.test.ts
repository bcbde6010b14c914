import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bootDefinitions, definition } from '../../src/recording/probe.ts';
import { EventLineReader } from '../../src/trace/import/text/event-line.ts';
import { parsePayload } from '../../src/trace/import/text/payload-text.ts';
import { type DefinedProbe, parseDefinition, printedArgs } from './printed-probe.ts';
import { RECIPES, recipeOf } from './recipes.ts';

/** The probes with which the recordings of test/golden/recordings were made, on the named kernels. */
const RECORDED = [
  'p:lpae/map arm_lpae_map_pages ttbr=-40($arg1):x64 iova=$arg2:x64 paddr=$arg3:x64 pgsize=$arg4:x64 pgcount=$arg5:u64 prot=$arg6:x32',
  'r:lpae/map_ret arm_lpae_map_pages ret=$retval:s32',
  'p:lpae/unmap arm_lpae_unmap_pages ttbr=-40($arg1):x64 iova=$arg2:x64 pgsize=$arg3:x64 pgcount=$arg4:u64',
  'r:lpae/unmap_ret arm_lpae_unmap_pages ret=$retval:x64',
  'p:lpae/alloc_s1 arm_64_lpae_alloc_pgtable_s1 quirks=+0($arg1):x64 pgsize_bitmap=+8($arg1):x64 ias=+16($arg1):u32 oas=+20($arg1):u32 coherent_walk=+24($arg1):u8',
] as const;
const FREE: Readonly<Record<string, string>> = {
  '6.1': 'p:lpae/free arm_lpae_free_pgtable ttbr=+64($arg1):x64',
  '6.12': 'p:lpae/free arm_lpae_free_pgtable ttbr=+80($arg1):x64',
  '7.1': 'p:lpae/free arm_lpae_free_pgtable ttbr=+80($arg1):x64',
  '7.2': 'p:lpae/free arm_lpae_free_pgtable ttbr=+80($arg1):x64',
};

function definitions(target: 'smmu' | 'panthor' | 'msm' | 'iommufd', kernel: string): string[] {
  return recipeOf(target, kernel).probes.map(definition);
}

describe('the probes', () => {
  it.each(RECIPES)('of %s are definitions that the kernel takes', (_, { probes }) => {
    const parsed = probes.map((probe) => parseDefinition(definition(probe)));
    expect(parsed.map(({ group }) => group)).toEqual(probes.map(() => 'lpae'));
    expect(new Set(parsed.map(({ event }) => event)).size).toBe(parsed.length);
    expect(
      bootDefinitions(probes)
        .split(';')
        .map((text) => text.replaceAll(',', ' ')),
    ).toEqual(probes.map(definition));
  });

  it.each(Object.keys(FREE))('record Linux %s as it was recorded, and more at the end of what each tells', (kernel) => {
    const own = definitions('smmu', kernel);
    for (const recorded of [...RECORDED, FREE[kernel]]) {
      const match = own.find((text) => text === recorded || text.startsWith(`${recorded} `));
      expect(match, recorded).toBeDefined();
    }
  });

  it('find the start table where the structure of the kernel has it', () => {
    const offset = (kernel: string): string =>
      definitions('smmu', kernel).find((text) => text.includes('free_pgtable')) ?? '';
    for (const kernel of ['5.15', '6.1', '6.6', '6.7']) expect(offset(kernel)).toContain('ttbr=+64($arg1)');
    for (const kernel of ['6.8', '6.10', '6.12', '7.1', '8.0']) expect(offset(kernel)).toContain('ttbr=+80($arg1)');
  });

  it('are the same for every target, for all drivers use one engine', () => {
    for (const target of ['panthor', 'msm', 'iommufd'] as const) {
      expect(definitions(target, '7.1')).toEqual(definitions('smmu', '7.1'));
    }
  });
});

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const address = u64;
const pages = fc.record({
  pgsize: fc.constantFrom(4096n, 16384n, 65536n, 1n << 21n, 1n << 30n),
  pgcount: fc.bigInt(1n, 512n),
});

function half(value: bigint): { hi: number; lo: number } {
  return { hi: Number(value >> 32n), lo: Number(value & 0xffffffffn) };
}

/** Columns of the tools around an event's text. */
const COLUMNS: readonly (readonly [string, boolean, (event: string, args: string) => string])[] = [
  ['ftrace', false, (event, args) => `              dd-183     [001] d.h..     6.769596: ${event}: ${args}`],
  ['trace-cmd', true, (event, args) => `              dd-183   [001]     6.769596123: ${event}:  ${args}`],
  ['perf', true, (event, args) => `dd   183 [001]     6.769596123:     lpae:${event}: ${args}`],
];

describe.each(RECIPES)('what the probes of %s print', (_, { probes }) => {
  const reader = new EventLineReader();
  const find = (name: string): DefinedProbe => {
    const probe = probes.find((candidate) => candidate.name === name);
    if (probe === undefined) throw new Error(`no probe ${name}`);
    return parseDefinition(definition(probe));
  };
  /** The payload that the importer sees in the lines of each tool; they must agree. */
  const read = (name: string, values: Readonly<Record<string, bigint>>): unknown => {
    const probe = find(name);
    const direct = parsePayload(name, printedArgs(probe, values));
    for (const [, addresses, line] of COLUMNS) {
      const bytes = Buffer.from(`${line(name, printedArgs(probe, values, { addresses }))}\n`);
      expect(reader.read(bytes, 0, bytes.length - 1)).toMatchObject({ payload: direct, thread: '183', unreadable: 0 });
    }
    return direct;
  };
  const property = <T>(arbitrary: fc.Arbitrary<T>, check: (value: T) => void): void =>
    fc.assert(fc.property(arbitrary, check), { seed: 4711, numRuns: 25 });

  it('is read as maps', () => {
    property(
      fc.tuple(u64, address, address, pages, fc.bigInt(0n, 63n)),
      ([ttbr, iova, paddr, { pgsize, pgcount }, prot]) => {
        expect(read('map', { ttbr, iova, paddr, pgsize, pgcount, prot })).toEqual({
          kind: 'call',
          isMap: true,
          key: `0x${ttbr.toString(16)}`,
          iova: half(iova),
          paddr: half(paddr),
          pgsize: Number(pgsize),
          pgcount: Number(pgcount),
          prot: Number(prot),
          withoutGather: null,
        });
      },
    );
  });

  it('is read as unmaps, with and without a gather', () => {
    property(
      fc.tuple(u64, address, pages, fc.oneof(fc.constant(0n), u64)),
      ([ttbr, iova, { pgsize, pgcount }, gather]) => {
        expect(read('unmap', { ttbr, iova, pgsize, pgcount, gather })).toMatchObject({
          kind: 'call',
          isMap: false,
          key: `0x${ttbr.toString(16)}`,
          iova: half(iova),
          pgsize: Number(pgsize),
          pgcount: Number(pgcount),
          prot: null,
          withoutGather: gather === 0n,
        });
      },
    );
  });

  it('is read as what maps and unmaps returned', () => {
    for (const ret of [0n, -12n, -17n, -22n, -34n]) {
      expect(read('map_ret', { ret })).toEqual({ kind: 'return', isMap: true, ret: Number(ret) });
    }
    property(fc.bigInt(0n, 1n << 40n), (ret) => {
      expect(read('unmap_ret', { ret })).toEqual({ kind: 'return', isMap: false, ret: Number(ret) });
    });
  });

  it.each([
    ['alloc_s1', 'ARM_64_LPAE_S1'],
    ['alloc_s2', 'ARM_64_LPAE_S2'],
    ['alloc_mali', 'ARM_MALI_LPAE'],
  ])('is read as the configuration of a table: %s', (name, format) => {
    property(
      fc.record({
        quirks: fc.constantFrom(0n, 1n << 5n, (1n << 6n) | (1n << 7n)),
        pgsize_bitmap: fc.constantFrom(0x62215000n, 0x40201000n, 0x2004000n, 0x201000n),
        ias: fc.bigInt(21n, 52n),
        oas: fc.bigInt(32n, 52n),
        coherent_walk: fc.bigInt(0n, 1n),
      }),
      (values) => {
        expect(read(name, values)).toMatchObject({
          kind: 'alloc',
          format,
          quirks: values.quirks === 0n ? [] : values.quirks === 1n << 5n ? ['TTBR1'] : ['OUTER_WBWA', 'HD'],
          unknownQuirks: 0,
          pgsizes: Number(values.pgsize_bitmap),
          ias: Number(values.ias),
          oas: Number(values.oas),
          coherent: values.coherent_walk === 1n,
        });
      },
    );
  });

  it('is read as the end of a table, by the key of its calls', () => {
    property(u64, (ttbr) => {
      const call = read('map', { ttbr, pgsize: 4096n, pgcount: 1n }) as { key: string };
      expect(read('free', { ttbr })).toEqual({ kind: 'free', key: call.key });
    });
  });

  it('has no probe that none of these looked at', () => {
    expect(probes.map(({ name }) => name).sort()).toEqual(
      ['alloc_mali', 'alloc_s1', 'alloc_s2', 'free', 'map', 'map_ret', 'unmap', 'unmap_ret'].sort(),
    );
  });
});
