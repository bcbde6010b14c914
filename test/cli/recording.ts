import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

/** A recording of a real kernel and what is known about the machine it ran on. */
export interface Recording {
  readonly name: string;
  readonly granuleBits: number;
  /** Mappings and tables that lay in the guest's memory at its end. */
  readonly leaves: number;
  readonly tables: number;
  /** Calls of the page-table layer with their return value: each one that the recording holds. */
  readonly returns: number;
  /** Domains of the DMA API, whose invalidations are exactly known: key, ASID, lines in the hardware's log. */
  readonly dmaDomains: readonly (readonly [string, number, number])[];
}

export const RECORDINGS: readonly Recording[] = [
  {
    name: 'smmuv3-kprobe-6.1-strict-4k',
    granuleBits: 12,
    leaves: 2604,
    tables: 48,
    returns: 44908,
    dmaDomains: [
      ['0x4810a000', 2, 11041],
      ['0x48302000', 4, 9041],
      ['0x46b0a000', 6, 265],
      ['0x46b6c000', 5, 222],
      ['0x4836f000', 3, 4],
    ],
  },
  {
    name: 'smmuv3-kprobe-6.12-strict-16k',
    granuleBits: 14,
    leaves: 3738,
    tables: 28,
    returns: 33067,
    dmaDomains: [
      ['0x48b84000', 4, 9032],
      ['0x48ba8000', 2, 4999],
      ['0x47ba4000', 6, 264],
      ['0x480c8000', 5, 222],
      ['0x48764000', 3, 4],
    ],
  },
];

export function recordingPath(name: string, part = 'txt'): string {
  return fileURLToPath(new URL(`../golden/recordings/${name}.${part}.gz`, import.meta.url));
}

export function recordingLines(name: string, part: string): string[] {
  return gunzipSync(readFileSync(recordingPath(name, part)))
    .toString()
    .split('\n');
}

function hex(text: string): string {
  return `0x${BigInt(text).toString(16)}`;
}

/** The guest's page tables: leaves with their value, tables without, for the guest's own allocator chose their addresses. */
export function guestPageTables(name: string): { leaves: string[]; tables: string[] } {
  const leaves: string[] = [];
  const tables: string[] = [];
  for (const line of recordingLines(name, 'pagetables.txt')) {
    const [kind, domain, level, iova, , pte] = line.split(' ');
    if (kind === 'leaf') leaves.push(`${hex(domain)} L${level} ${hex(iova)} ${hex(pte)}`);
    else if (kind === 'table') tables.push(`${hex(domain)} L${level} ${hex(iova)}`);
  }
  return { leaves: leaves.sort(), tables: tables.sort() };
}

/** One line of `dump --view raw --json`. */
interface DumpLine {
  readonly domain: string;
  readonly level: number;
  readonly iova: string;
  readonly pte: string;
}

/** A dump in the form of `guestPageTables`. */
export function dumpedPageTables(stdout: string): { leaves: string[]; tables: string[] } {
  const leaves: string[] = [];
  const tables: string[] = [];
  for (const line of stdout.trimEnd().split('\n')) {
    const { domain, level, iova, pte } = JSON.parse(line) as DumpLine;
    const place = `${domain} L${level} ${iova}`;
    if (level === 3 || (BigInt(pte) & 3n) === 1n) leaves.push(`${place} ${pte}`);
    else tables.push(place);
  }
  return { leaves: leaves.sort(), tables: tables.sort() };
}

/** The range invalidations that the SMMU received, by ASID, each as `addr pages ttl leaf`. */
export function hardwareInvalidations(name: string): Map<number, string[]> {
  const received = new Map<number, string[]>();
  const pattern =
    /^smmuv3_s1_range_inval vmid=\d+ asid=(\d+) addr=(0x[0-9a-f]+) tg=\d num_pages=(0x[0-9a-f]+) ttl=(\d) leaf=(\d)/;
  for (const line of recordingLines(name, 'hw-invalidations.log')) {
    const match = pattern.exec(line);
    if (match === null) continue;
    const [, asid, addr, pages, ttl, leaf] = match;
    listOf(received, Number(asid)).push(`${hex(addr)} ${Number(pages)} ${ttl} ${leaf}`);
  }
  return received;
}

/** The TLBI_VA events of result lines, by domain, expanded as the SMMU model does: naturally aligned powers of two. */
export function predictedInvalidations(results: string, granuleBits: number): Map<string, string[]> {
  const predicted = new Map<string, string[]>();
  for (const line of results.trimEnd().split('\n')) {
    const { domain, events } = JSON.parse(line) as { domain?: string; events?: (string | number)[][] };
    for (const [kind, addr, leaf, num, scale, ttl] of events ?? []) {
      if (kind !== 'TLBI_VA') continue;
      const list = listOf(predicted, String(domain));
      const pages = (BigInt(num) + 1n) << BigInt(scale);
      for (const [at, count] of alignedPowers(BigInt(addr), pages, BigInt(granuleBits))) {
        list.push(`0x${at.toString(16)} ${count} ${ttl} ${leaf}`);
      }
    }
  }
  return predicted;
}

/** Splits a range into naturally aligned powers of two of pages. */
function alignedPowers(start: bigint, pages: bigint, granuleBits: bigint): [bigint, bigint][] {
  const pieces: [bigint, bigint][] = [];
  const end = start + (pages << granuleBits);
  for (let at = start; at < end; ) {
    let size = 1n << granuleBits;
    while (at % (2n * size) === 0n && at + 2n * size <= end) size *= 2n;
    pieces.push([at, size >> granuleBits]);
    at += size;
  }
  return pieces;
}

function listOf<Key>(lists: Map<Key, string[]>, key: Key): string[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}
