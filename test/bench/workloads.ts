/**
 * The seven engine workloads, as calls on an engine of either kind: 64-bit stage 1, 4K granule, ias 48, coherent walks,
 * every counter on. Both engines get their addresses in the form they like best, made before the clock starts.
 */
import { PROT_DEFAULT } from '../../src/base/vocabulary.ts';
import { seededRandom } from './random.ts';

export const PAGE = 4096;
export const RUN_PAGES = 512;
export const PROT = PROT_DEFAULT;

/** Single pages that a round maps, unmaps or looks up: 256 MiB, the leaf tables of which fit in a cache. */
export const PAGES = 65536;
/** 512-page runs of a round. */
export const RUNS = 1024;
/** First address of all workloads; the physical side starts elsewhere. */
export const BASE_IOVA = 0x7f00_0000_0000;
export const BASE_PADDR = 0x8_8000_0000;

export const MIX_MAP = 0;
export const MIX_UNMAP = 1;
export const MIX_LOOKUP = 2;

/** A random sequence of single-page calls, all of which succeed. */
export interface Mix {
  readonly kind: Uint8Array;
  readonly page: Uint32Array;
}

/** 2 maps to 2 unmaps to 1 look-up on random pages, starting from nothing mapped. */
export function randomMix(calls: number, seed: number): Mix {
  const random = seededRandom(seed);
  const kind = new Uint8Array(calls);
  const page = new Uint32Array(calls);
  const mapped = new Uint8Array(PAGES);
  for (let i = 0; i < calls; i++) {
    const at = Math.floor(random() * PAGES);
    page[i] = at;
    if (random() < 0.2) kind[i] = MIX_LOOKUP;
    else {
      kind[i] = mapped[at] === 1 ? MIX_UNMAP : MIX_MAP;
      mapped[at] ^= 1;
    }
  }
  return { kind, page };
}

/** Page numbers in random order, for look-ups. */
export function randomPages(calls: number, seed: number): Uint32Array {
  const random = seededRandom(seed);
  return Uint32Array.from({ length: calls }, () => Math.floor(random() * PAGES));
}

/** An engine under test. Each method is one round; the tables of the single-page rounds stay from round to round. */
export interface Subject {
  readonly name: string;
  /** a: maps PAGES single pages, ascending; their tables exist. */
  mapPagesOneByOne(): void;
  /** a2: unmaps them. */
  unmapPagesOneByOne(): void;
  /** A new address space whose tables and their memory have never been used. */
  renew(): void;
  /** b (after `renew`) and b3: maps RUNS runs of 512 pages. */
  mapRuns(): void;
  /** b2: unmaps them. */
  unmapRuns(): void;
  /** c: the mix, from nothing mapped. */
  mix(mix: Mix): void;
  /** d: looks up pages that are all mapped; a sum over what was found. */
  lookUp(pages: Uint32Array): number;
}
