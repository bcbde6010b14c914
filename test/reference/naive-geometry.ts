/**
 * What a configuration becomes: clipped sizes, levels, PGD and registers (spec B.1-B.3).
 * Written straight from the specification, without a look at src/lpae, so that the two can disagree.
 */
import type { Format, Kernel, PartialUnmap } from '../../src/base/vocabulary.ts';

export interface NaiveConfig {
  readonly format: Format;
  /** Bit n set: pages of 2^n bytes are supported. */
  readonly pgsizes: bigint;
  readonly ias: number;
  readonly oas: number;
  readonly coherent: boolean;
  readonly quirks: readonly string[];
  readonly cpuPageSize: number;
  readonly kernel: Kernel;
  /** Default: what the kernel does, `refuse` for 7.1 and `split` for 6.12. */
  readonly partialUnmap?: Exclude<PartialUnmap, 'whole'>;
}

export interface NaiveGeometry {
  readonly pgsizes: bigint;
  readonly ias: number;
  readonly oas: number;
  /** log2 of the smallest page. */
  readonly pageBits: number;
  readonly bitsPerLevel: number;
  readonly startLevel: number;
  readonly pgdBits: number;
}

/** The configuration is one that the kernel answers with NULL; `warns` stack traces on the way. */
export class NaiveRefusal extends Error {
  readonly warns: number;

  constructor(reason: string, warns = 0) {
    super(reason);
    this.warns = warns;
  }
}

const K4 = 1n << 12n;
const K16 = 1n << 14n;
const K64 = 1n << 16n;
const SIZES_4K = K4 | (1n << 21n) | (1n << 30n);
const SIZES_16K = K16 | (1n << 25n);
const SIZES_64K = K64 | (1n << 29n);
const SIZE_4T = 1n << 42n;
const OAS_CODES = [32, 36, 40, 42, 44, 48, 52];

export const isMali = (format: Format): boolean => format === 'ARM_MALI_LPAE';
export const isStage2 = (format: Format): boolean => format.endsWith('_S2');
export const isStage1 = (format: Format): boolean => format.endsWith('_S1');

function refuse(reason: string, warns = 0): never {
  throw new NaiveRefusal(reason, warns);
}

function allowedQuirks(config: NaiveConfig): string[] {
  const modern = config.kernel === '7.1';
  if (isMali(config.format)) return [];
  if (isStage2(config.format)) return modern ? ['S2FWB', 'NO_WARN'] : [];
  return modern ? ['NS', 'TTBR1', 'OUTER_WBWA', 'HD', 'NO_WARN'] : ['NS', 'TTBR1', 'OUTER_WBWA', 'HD'];
}

function chooseGranule(pgsizes: bigint, cpuPage: bigint): bigint {
  if ((pgsizes & cpuPage) !== 0n) return cpuPage;
  let below = 0n;
  let above = 0n;
  for (let size = 1n; size <= pgsizes; size <<= 1n) {
    if ((pgsizes & size) === 0n) continue;
    if (size < cpuPage) below = size;
    else if (above === 0n) above = size;
  }
  return below !== 0n ? below : above;
}

const log2 = (power: bigint): number => power.toString(2).length - 1;

export function naiveGeometry(config: NaiveConfig): NaiveGeometry {
  const { format, kernel } = config;
  let pgsizes = config.pgsizes;
  if (format === 'ARM_32_LPAE_S1' && (config.ias > 32 || config.oas > 40))
    refuse('32-bit stage 1: ias > 32 or oas > 40');
  if (format === 'ARM_32_LPAE_S2' && (config.ias > 40 || config.oas > 40))
    refuse('32-bit stage 2: ias > 40 or oas > 40');
  if (format.startsWith('ARM_32')) pgsizes &= SIZES_4K;
  const allowed = allowedQuirks(config);
  for (const quirk of config.quirks) if (!allowed.includes(quirk)) refuse(`quirk ${quirk} is not allowed`);
  if (isMali(format)) {
    if (config.ias > 48 || config.oas > 40) refuse('Mali: ias > 48 or oas > 40');
    pgsizes &= SIZES_4K;
  }

  const granule = chooseGranule(pgsizes, BigInt(config.cpuPageSize));
  if (granule === K4) pgsizes &= SIZES_4K;
  else if (granule === K16) pgsizes &= SIZES_16K;
  else if (granule === K64) pgsizes &= SIZES_64K | (config.oas > 48 ? SIZE_4T : 0n);
  else refuse('no 4K, 16K or 64K granule');
  const limit = granule === K64 ? 52 : 48;
  const ias = Math.min(config.ias, limit);
  const oas = Math.min(config.oas, limit);

  const pageBits = log2(pgsizes & -pgsizes);
  const bitsPerLevel = pageBits - 3;
  const levels = Math.ceil((ias - pageBits) / bitsPerLevel);
  if (levels < 1) refuse('the input address is no wider than a page');
  let startLevel = 4 - levels;
  let pgdBits = ias - pageBits - bitsPerLevel * (levels - 1);

  if (isMali(format) && startLevel > 0) {
    startLevel = 0;
    pgdBits = 0;
  }
  if (isStage1(format) && config.coherent && config.quirks.includes('OUTER_WBWA'))
    refuse('OUTER_WBWA with a coherent walk');
  if (isStage2(format)) {
    const few = pgdBits <= 4;
    const at = `${pageBits}@${startLevel}`;
    const must =
      (at === '14@0' && (oas === 48 || ias === 48)) ||
      (at === '12@0' && (oas === 40 || oas === 42)) ||
      (at === '14@1' && oas === 40);
    if (kernel === '7.1' && must && !few) refuse('stage 2: too many tables to concatenate', 1);
    if (kernel === '7.1' ? must : startLevel === 0 && few) {
      startLevel += 1;
      pgdBits += bitsPerLevel;
    }
  }
  if (!isMali(format) && !OAS_CODES.includes(oas)) refuse(`oas ${oas} has no code`);
  return { pgsizes, ias, oas, pageBits, bitsPerLevel, startLevel, pgdBits };
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** The register half of a `domain` result line. */
export function naiveRegisters(config: NaiveConfig, geometry: NaiveGeometry, pgd: bigint): Record<string, unknown> {
  if (isMali(config.format)) {
    return { memattr: '0x888d88', transtab: hex(pgd | 7n | (config.coherent ? 0x10n : 0n)) };
  }
  const { pageBits, startLevel, ias, oas } = geometry;
  const grain = pageBits === 12 ? 0 : pageBits === 14 ? 1 : 2;
  const has = (quirk: string): boolean => config.quirks.includes(quirk);
  const common = {
    sh: config.coherent ? 3 : 2,
    orgn: config.coherent || has('OUTER_WBWA') ? 1 : 0,
    irgn: config.coherent ? 1 : 0,
    tsz: 64 - ias,
  };
  const ps = OAS_CODES.indexOf(oas);
  const tg0 = [0, 2, 1][grain];
  if (isStage2(config.format)) {
    const sl = ~(grain === 0 ? startLevel + 1 : startLevel) & 3;
    return { vtcr: { ps, tg: tg0, sl, ...common }, vttbr: hex(pgd) };
  }
  const tg = has('TTBR1') ? [2, 1, 3][grain] : tg0;
  return { tcr: { ips: ps, tg, ...common }, mair: '0xfffffffff404ff44', ttbr: hex(pgd) };
}
