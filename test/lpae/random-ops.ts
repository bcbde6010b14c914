/** Random configurations and random operations around the places where page tables do something interesting. */
import fc from 'fast-check';
import type { Format, Kernel, PartialUnmap, Quirk } from '../../src/base/vocabulary.ts';
import type { PgtableConfig } from '../../src/lpae/format/config.ts';

const K4 = 2 ** 12 + 2 ** 21 + 2 ** 30;
const K16 = 2 ** 14 + 2 ** 25;
const K64 = 2 ** 16 + 2 ** 29;
const T4 = 2 ** 42;

/** Input sizes per granule that give every start level, start tables below and above a page, and concatenation. */
const SHAPES: readonly { pgsizes: number; ias: readonly number[]; oas: readonly number[] }[] = [
  { pgsizes: K4, ias: [21, 25, 30, 32, 36, 39, 40, 42, 48], oas: [32, 36, 40, 42, 48] },
  { pgsizes: K16, ias: [25, 32, 36, 40, 42, 47, 48], oas: [36, 40, 42, 48] },
  { pgsizes: K64, ias: [29, 32, 40, 42, 48], oas: [40, 48] },
  { pgsizes: K64 + T4, ias: [42, 48, 52], oas: [52] },
  { pgsizes: K4 + K16 + K64, ias: [39, 48], oas: [48] },
];

const QUIRKS: Readonly<Record<Format, readonly Quirk[]>> = {
  ARM_64_LPAE_S1: ['NS', 'TTBR1', 'HD', 'NO_WARN', 'OUTER_WBWA'],
  ARM_32_LPAE_S1: ['NS', 'TTBR1', 'HD', 'NO_WARN'],
  ARM_64_LPAE_S2: ['S2FWB', 'NO_WARN'],
  ARM_32_LPAE_S2: ['S2FWB', 'NO_WARN'],
  ARM_MALI_LPAE: [],
};

/** Configurations of all formats, granules and kernels. Some are refused by the engine. */
export function configs(partial: readonly PartialUnmap[]): fc.Arbitrary<PgtableConfig> {
  return fc
    .record({
      format: fc.constantFrom(...(Object.keys(QUIRKS) as Format[])),
      shape: fc.constantFrom(...SHAPES),
      kernel: fc.constantFrom<Kernel>('7.1', '6.12'),
      coherent: fc.boolean(),
      cpuPageSize: fc.constantFrom(4096, 4096, 16384, 65536),
      partialUnmap: fc.constantFrom(...partial),
    })
    .chain(({ format, shape, kernel, coherent, cpuPageSize, partialUnmap }) => {
      const narrow = format.startsWith('ARM_32') || format === 'ARM_MALI_LPAE';
      const allowed = QUIRKS[format].filter((quirk) => {
        if (quirk === 'OUTER_WBWA') return !coherent;
        return kernel === '7.1' || (quirk !== 'NO_WARN' && quirk !== 'S2FWB');
      });
      const iasLimit = format === 'ARM_32_LPAE_S1' ? 32 : format === 'ARM_32_LPAE_S2' ? 40 : 52;
      const fit = (sizes: readonly number[], limit: number): number[] => {
        const fitting = sizes.filter((size) => size <= limit);
        return fitting.length === 0 ? [sizes[0]] : fitting;
      };
      return fc.record({
        format: fc.constant(format),
        pgsizes: fc.constant(narrow ? K4 : shape.pgsizes),
        ias: fc.constantFrom(...fit(narrow ? SHAPES[0].ias : shape.ias, iasLimit)),
        oas: fc.constantFrom(...fit(narrow ? SHAPES[0].oas : shape.oas, narrow ? 40 : 52)),
        coherent: fc.constant(coherent),
        quirks: fc.subarray([...allowed]),
        cpuPageSize: fc.constant(cpuPageSize),
        kernel: fc.constant(kernel),
        partialUnmap: fc.constant(partialUnmap),
      });
    });
}

export const KINDS = ['map', 'unmap', 'mapPages', 'unmapPages', 'lookUp'] as const;

/**
 * An operation in terms of any geometry: `place` picks a landmark, `page` and `block` count from it, `level` picks the
 * page size, `count` how many.
 */
export interface AbstractOp {
  readonly kind: (typeof KINDS)[number];
  readonly place: number;
  readonly page: number;
  readonly block: number;
  readonly target: number;
  readonly level: number;
  readonly count: number;
  readonly long: boolean;
  readonly prot: number;
  readonly gather: 'synced' | 'queued' | 'none';
}

export const abstractOps: fc.Arbitrary<AbstractOp> = fc.record({
  kind: fc.constantFrom(...KINDS, 'mapPages', 'mapPages', 'unmapPages', 'map'),
  place: fc.nat({ max: 3 }),
  page: fc.oneof(fc.constant(0), fc.integer({ min: -4, max: 4 })),
  block: fc.integer({ min: 0, max: 2 }),
  target: fc.nat({ max: 7 }),
  level: fc.oneof(fc.constant(0), fc.nat({ max: 2 })),
  count: fc.nat({ max: 6 }),
  long: fc.boolean(),
  prot: fc.nat({ max: 63 }),
  gather: fc.constantFrom('synced', 'synced', 'queued', 'none'),
});

/** The numbers of an operation under a geometry: bytes from the start of the address space. */
export interface Op {
  readonly kind: AbstractOp['kind'];
  readonly iova: number;
  readonly paddr: number;
  readonly pgsize: number;
  readonly count: number;
  readonly prot: number;
  readonly gather: AbstractOp['gather'];
}

/** `sizes` are the supported page sizes, smallest first; `ias` and `oas` bits. */
export function concreteOp(op: AbstractOp, sizes: readonly number[], ias: number, oas: number): Op {
  const page = sizes[0];
  const middle = sizes[1] ?? page;
  const large = sizes[2] ?? middle;
  const space = 2 ** ias;
  const landmarks = [0, middle, large, space - 2 * middle];
  const at = landmarks[op.place] + op.block * middle + op.page * page;
  const pgsize = sizes[Math.min(op.level, sizes.length - 1)];
  const iova = (((Math.floor(at / page) * page) % space) + space) % space;
  const aligned = op.page === 0 || op.kind === 'lookUp' ? iova : iova - (op.level > 0 ? iova % pgsize : 0);
  const target = (op.target * middle + (op.target % 2 === 1 && op.level === 0 ? 3 * page : 0)) % 2 ** oas;
  // A long run of pages comes near to or covers a whole table.
  const entries = page / 8;
  return {
    kind: op.kind,
    iova: aligned,
    paddr: target - (target % pgsize),
    pgsize,
    count: op.long && op.level === 0 ? entries - 3 + op.count : op.count,
    prot: op.prot,
    gather: op.gather,
  };
}
