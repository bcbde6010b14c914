import { usageError } from '../../../base/errors.ts';
import { type Address, compare64, distance64 } from '../../../base/u64.ts';
import type { Payload, PgtableCall } from '../payload.ts';
import { splitLine, type Value, type Values } from './key-value-line.ts';
import {
  type LineHead,
  type LineReader,
  LONGEST_LINE,
  type LoggedEvent,
  lineHead,
  loggedEvent,
  NO_THREAD,
  NOTHING,
  type Reading,
  readingOf,
  type Stamp,
  UNSTAMPED,
  unreadableFrom,
} from './line-reader.ts';
import { inclusiveSize, NOWHERE, printedAddress, printedCount, stampOf, WallClock } from './log-numbers.ts';

/** Our names of fields, each with the names that it is looked for when no map says another. */
const FIELDS = {
  op: ['op', 'event', 'func', 'probe'],
  iova: ['iova'],
  paddr: ['paddr'],
  size: ['size'],
  end: ['end'],
  pgsize: ['pgsize'],
  pgcount: ['pgcount'],
  prot: ['prot'],
  ret: ['ret'],
  unmapped: ['unmapped', 'unmapped_size'],
  domain: ['domain', 'dom', 'ttbr', 'ops', 'vm', 'asid'],
  pid: ['pid'],
  comm: ['comm'],
  cpu: ['cpu'],
  ns: ['ns'],
  ts: ['ts'],
  gfp: ['gfp'],
} as const satisfies Record<string, readonly string[]>;
type Field = keyof typeof FIELDS;

/**
 * `iova=addr,size=len`: names of the fields of `key=value` lines, ours to theirs.
 * Throws a usage error for anything else.
 */
export function parseFieldMap(text: string): Record<string, string> {
  const known = Object.keys(FIELDS).join(', ');
  const map: Record<string, string> = {};
  for (const part of text.split(',')) {
    const match = /^\s*(\w+)\s*=\s*([^\s=:,]+)\s*$/.exec(part);
    if (match === null) {
      throw usageError(
        `--field-map "${part.trim()}" is not OURS=THEIRS, as in iova=addr,size=len; names of ours are ${known}`,
      );
    }
    const [, ours, theirs] = match;
    if (!Object.hasOwn(FIELDS, ours)) throw usageError(`--field-map knows no field "${ours}"; there are ${known}`);
    if (Object.hasOwn(map, ours)) throw usageError(`--field-map names the field "${ours}" twice`);
    map[ours] = theirs;
  }
  return map;
}

/** Words that say what was probed: `map`, `iommu_unmap:`, `kprobe:arm_lpae_map_pages`. */
const MAP_OR_UNMAP = /(?:^|[^a-z])(un)?map(?:ping|ped)?(?![a-z])/i;
const LONGEST_WORD = 96;
/** A line with none of these beside an address is about something else. */
const AMOUNTS = ['size', 'end', 'pgsize', 'pgcount'] as const;

/** A line with one of these was printed by a program of people, whatever else is left of it. */
const WITNESSES = ['pid', 'domain', 'comm', 'cpu', 'ns', 'ts'] as const;

/** Lines that hold values and are for other readers, damaged ones too. */
const FOREIGN =
  /IOMMU:|iommu:(?:un)?map[:(]|: (?:un)?map: |\+0x[\da-f]+\/0x|\biova=0x[\da-f]+ - |\biommufd_|\bvfio_|\bvirtio_iommu_|\bvhost_vdpa_|map: as=/;

/** What is said when calls name no page table. */
export const ONE_TABLE =
  'calls that name no page table are replayed in one; let the program print domain= (the first argument of the call), or name its field with --field-map domain=THEIRS';

/** Reads lines of `key=value` or `key: value`, such as bpftrace programs print. */
export class KeyValueReader implements LineReader {
  readonly format = 'key=value lines';
  readonly example = 'of bpftrace: domain=0x.. iova=0x.. paddr=0x.. size=0x..; --field-map names other fields';
  note: string | null = null;
  readonly #clock = new WallClock();
  readonly #names: ReadonlyMap<Field, readonly string[]>;
  readonly #known: ReadonlySet<string>;
  readonly #iova: string;

  /** @param fieldMap - names of fields, ours to theirs, as `parseFieldMap` gives them */
  constructor(fieldMap: Readonly<Record<string, string>>) {
    const ours = Object.keys(FIELDS) as Field[];
    this.#names = new Map(
      ours.map((field) => [field, Object.hasOwn(fieldMap, field) ? [fieldMap[field]] : FIELDS[field]]),
    );
    this.#known = new Set([...this.#names.values()].flat());
    this.#iova = this.#names.get('iova')?.[0] ?? 'iova';
  }

  read(line: string): LoggedEvent | null {
    if (line.length > LONGEST_LINE || !line.includes(this.#iova) || FOREIGN.test(line)) return null;
    // One object a line is another language.
    if (line.trimStart().startsWith('{')) return null;
    const { values, words } = splitLine(line, this.#known);
    const iova = this.#value(values, 'iova');
    // The program that printed the values may be quoted beside them: `iova=%p`, `iova=$arg2`.
    if (iova === undefined || /[%$]/.test(iova.text)) return null;
    if (!AMOUNTS.some((field) => this.#value(values, field) !== undefined)) return null;
    const isMap = this.#isMap(values, words);
    if (isMap === null) return null;
    const reading = this.#event(values, isMap, iova);
    return loggedEvent(this.#head(values), reading ?? unreadableFrom(iova.at));
  }

  #value(values: Values, field: Field): Value | undefined {
    for (const name of this.#names.get(field) ?? []) {
      const value = values.get(name);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** Null: the line is about something else than a map or an unmap. */
  #isMap(values: Values, words: readonly string[]): boolean | null {
    const op = this.#value(values, 'op');
    for (const word of op === undefined ? words : [op.text]) {
      const match = MAP_OR_UNMAP.exec(word.slice(0, LONGEST_WORD));
      if (match !== null) return match[1] === undefined;
    }
    if (op !== undefined) return null;
    if (this.#value(values, 'paddr') !== undefined) return true;
    // An address and a size alone may be the rest of any line.
    return WITNESSES.some((field) => this.#value(values, field) !== undefined) ? false : null;
  }

  /** Null when a field that must be there is not, or is no number. */
  #event(values: Values, isMap: boolean, iovaText: Value): Reading | null {
    const iova = printedAddress(iovaText.text);
    const paddr = isMap ? this.#address(values, 'paddr') : NOWHERE;
    const prot = this.#count(values, 'prot');
    const ret = this.#return(values, isMap);
    if (iova === null || paddr === null || prot === undefined || ret === undefined) return null;
    const name = this.#value(values, 'domain')?.text ?? null;
    const pgcount = this.#count(values, 'pgcount');
    const pgsize = this.#count(values, 'pgsize');
    if (pgcount === undefined || pgsize === undefined) return null;
    if (pgcount !== null && pgsize !== null) {
      if (!Number.isSafeInteger(pgsize * pgcount)) return null;
      const key = name ?? 'table';
      if (name === null) this.note = ONE_TABLE;
      const call: PgtableCall = { kind: 'call', isMap, key, iova, paddr, pgsize, pgcount, prot, withoutGather: null };
      const returned: Payload[] = ret === null ? [] : [{ kind: 'return', isMap, ret }];
      return readingOf(call, ...returned);
    }
    const size = this.#size(values, iova);
    if (size < 0) return null;
    if (!isMap) {
      const unmapped = this.#count(values, 'unmapped');
      if (unmapped === undefined || (ret !== null && ret < 0)) return null;
      return readingOf({ kind: 'iommu-unmap', name, iova, size, unmapped: unmapped ?? ret });
    }
    // A map that failed has left nothing behind.
    if (ret !== null && ret !== 0) return NOTHING;
    return readingOf({ kind: 'iommu-map', name, iova, paddr, size, prot, ret });
  }

  /** Bytes; `end` is taken as the last byte when its page is full up to there, else as the byte behind. */
  #size(values: Values, iova: Address): number {
    const size = this.#value(values, 'size');
    if (size !== undefined) return printedCount(size.text);
    const end = this.#address(values, 'end');
    if (end === null) return -1;
    if ((end.lo & 0xfff) === 0xfff) return inclusiveSize(iova, end);
    // A range up to the last address ends at 0.
    const hi = end.hi === 0 && end.lo === 0 ? 2 ** 32 : end.hi;
    if (compare64(hi, end.lo, iova.hi, iova.lo) < 0) return -1;
    const bytes = distance64(hi, end.lo, iova.hi, iova.lo);
    return Number.isSafeInteger(bytes) ? bytes : -1;
  }

  #address(values: Values, field: Field): Address | null {
    const value = this.#value(values, field);
    return value === undefined ? null : printedAddress(value.text);
  }

  /** Null when the field is not there, undefined when it is no number below 2^53. */
  #count(values: Values, field: Field): number | null | undefined {
    const value = this.#value(values, field);
    if (value === undefined) return null;
    const count = printedCount(value.text);
    return count < 0 ? undefined : count;
  }

  /** What was returned: an int, or bytes; it may be printed as it lies in a register. */
  #return(values: Values, isMap: boolean): number | null | undefined {
    const text = this.#value(values, 'ret')?.text;
    if (text === undefined) return null;
    const negative = text.startsWith('-');
    const value = printedAddress(negative ? text.slice(1) : text);
    if (value === null) return undefined;
    if (!negative && value.hi === 0xffffffff) return value.lo | 0;
    if (!negative && isMap && value.hi === 0) return value.lo | 0;
    const count = value.hi * 2 ** 32 + value.lo;
    return Number.isSafeInteger(count) ? (negative ? 0 - count : count) : undefined;
  }

  #head(values: Values): LineHead {
    const pid = this.#value(values, 'pid')?.text;
    const cpu = this.#value(values, 'cpu')?.text;
    const thread = pid === '0' && cpu !== undefined ? `0@${cpu}` : (pid ?? this.#value(values, 'comm')?.text);
    const comm = this.#value(values, 'comm')?.text ?? '';
    return lineHead(thread ?? NO_THREAD, this.#clock.relativeIfLong(this.#stamp(values)), comm);
  }

  /** `ns` and integers of `ts` are nanoseconds, numbers with a fraction seconds. */
  #stamp(values: Values): Stamp {
    const text = this.#value(values, 'ns')?.text ?? this.#value(values, 'ts')?.text ?? '';
    const seconds = /^(\d{1,10})\.(\d{1,9})$/.exec(text);
    if (seconds !== null) return stampOf(seconds[1], seconds[2]);
    if (!/^\d{1,19}$/.test(text)) return UNSTAMPED;
    const digits = text.padStart(10, '0');
    return stampOf(digits.slice(0, -9), digits.slice(-9));
  }
}
