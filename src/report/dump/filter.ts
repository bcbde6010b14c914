import { usageError } from '../../base/errors.ts';
import { parseSize } from '../../base/sizes.ts';
import { type Address, addHi, addLo, compare64, parseAddress } from '../../base/u64.ts';
import { PROT_LETTERS } from '../../base/vocabulary.ts';
import {
  type Descriptor,
  type DescriptorFlag,
  decodeDescriptor,
  LEAF_FLAGS,
  LETTERS,
  SHARES,
  TABLE_FLAGS,
} from '../../lpae/format/decode-descriptor.ts';
import { LAST_LEVEL } from '../../lpae/format/geometry.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { type Entry, type IovaRange, visitEntries } from '../../lpae/visit.ts';

/** IOVAs to show: a range, or the one entry chain of a single address. */
export interface IovaFilter extends IovaRange {
  readonly single: boolean;
}

/** One condition on the attributes of an entry. */
interface AttributeTerm {
  readonly on: 'leaf' | 'table';
  readonly test: (descriptor: Descriptor) => boolean;
}

/** Which entries a view shows; applied during the walk, so that what is left out costs nothing. */
export interface DumpFilter {
  readonly iova: IovaFilter | null;
  /** By level: show its entries. Null: all. */
  readonly levels: readonly boolean[] | null;
  readonly attributes: readonly AttributeTerm[];
}

/** True when the filter may leave something out. */
export function isFiltered(filter: DumpFilter): boolean {
  return filter.iova !== null || filter.levels !== null || filter.attributes.length > 0;
}

export const NO_FILTER: DumpFilter = { iova: null, levels: null, attributes: [] };

const IOVA_FORMS =
  'it takes an address such as 0x1000, a half-open range 0x1000..0x5000, or a start and a size 0x1000+16K';

/** `A`, `A..B` (B not included; 0x10000000000000000 for the very end) or `A+SIZE`. Throws a usage error. */
export function parseIova(text: string): IovaFilter {
  const bad = (why: string): Error => usageError(`--iova ${JSON.stringify(text)}: ${why}; ${IOVA_FORMS}`);
  const [, startText, operator, endText] = /^(.*?)(?:(\.\.|\+)(.*))?$/s.exec(text.trim()) as RegExpExecArray;
  const start = parseAddress(startText.trim());
  if (start === null) throw bad(`${JSON.stringify(startText)} is no hex address`);
  const range = (last: Address, single: boolean): IovaFilter => ({
    startHi: start.hi,
    startLo: start.lo,
    lastHi: last.hi,
    lastLo: last.lo,
    single,
  });
  if (operator === undefined) return range(start, true);
  const last = operator === '+' ? lastOfSize(start, endText.trim(), bad) : lastBefore(endText.trim(), bad);
  if (compare64(last.hi, last.lo, start.hi, start.lo) < 0) throw bad('the range is empty');
  return range(last, false);
}

function lastOfSize(start: Address, text: string, bad: (why: string) => Error): Address {
  const size = parseSize(text);
  if (size === null) throw bad(`${JSON.stringify(text)} is no size`);
  if (size === 0) throw bad('the range is empty');
  const last = { hi: addHi(start.hi, start.lo, size - 1), lo: addLo(start.lo, size - 1) };
  if (compare64(last.hi, last.lo, start.hi, start.lo) < 0) throw bad('the range passes 2^64');
  return last;
}

function lastBefore(text: string, bad: (why: string) => Error): Address {
  if (/^0x1(0{16})$/i.test(text)) return { hi: 0xffffffff, lo: 0xffffffff };
  const end = parseAddress(text);
  if (end === null) throw bad(`${JSON.stringify(text)} is no hex address`);
  if (end.hi === 0 && end.lo === 0) throw bad('the range is empty');
  return end.lo === 0 ? { hi: end.hi - 1, lo: 0xffffffff } : { hi: end.hi, lo: end.lo - 1 };
}

/** `2`, `1-3` or `0,3`. Throws a usage error. */
export function parseLevels(text: string): readonly boolean[] {
  const levels: boolean[] = new Array(LAST_LEVEL + 1).fill(false);
  for (const part of text.split(',')) {
    const match = /^([0-3])(?:-([0-3]))?$/.exec(part.trim());
    const first = Number(match?.[1]);
    const last = match?.[2] === undefined ? first : Number(match[2]);
    if (match === null || last < first) {
      throw usageError(`--level ${JSON.stringify(text)}: levels are 0 (nearest the root) to 3, such as 3, 1-2 or 0,3`);
    }
    levels.fill(true, first, last + 1);
  }
  return levels;
}

const KINDS = ['block', 'page'] as const;
const ATTRIBUTE_HELP = `there are
  ${LETTERS.join(' ')} x         the letters of a trace's prot, and x: executable; rw asks for both
  ${[...SHARES, ...KINDS].join(', ')}
  ${LEAF_FLAGS.join(', ')}
  table, ${TABLE_FLAGS.join(', ')}   for entries that point to a table
  !NAME                 without it; !rw: neither`;

/**
 * `rw,!x,inner`: conditions that must all hold. Conditions are on leaves, or on table entries, never on both.
 * `!rw` asks for neither of the letters. Throws a usage error that lists what there is.
 */
export function parseAttributes(text: string): readonly AttributeTerm[] {
  const terms = text.split(',').map((part) => {
    const negated = part.trim().startsWith('!');
    const name = part
      .trim()
      .slice(negated ? 1 : 0)
      .toLowerCase();
    const term = attributeTerm(name, negated);
    if (term === null) {
      throw usageError(
        `--attr ${JSON.stringify(text)}: there is no attribute ${JSON.stringify(name)}; ${ATTRIBUTE_HELP}`,
      );
    }
    return term;
  });
  if (new Set(terms.map((term) => term.on)).size > 1) {
    throw usageError(
      `--attr ${JSON.stringify(text)}: an entry is a leaf or points to a table, so this matches nothing; ${ATTRIBUTE_HELP}`,
    );
  }
  return terms;
}

function attributeTerm(name: string, negated: boolean): AttributeTerm | null {
  const term = (on: AttributeTerm['on'], test: AttributeTerm['test']): AttributeTerm => ({
    on,
    test: negated ? (descriptor) => !test(descriptor) : test,
  });
  const flag = (descriptor: Descriptor): boolean => descriptor.flags.includes(name as DescriptorFlag);
  if ((SHARES as readonly string[]).includes(name)) return term('leaf', (descriptor) => descriptor.share === name);
  if ((LEAF_FLAGS as readonly string[]).includes(name)) return term('leaf', flag);
  if ((KINDS as readonly string[]).includes(name)) return term('leaf', (descriptor) => descriptor.kind === name);
  if ((TABLE_FLAGS as readonly string[]).includes(name)) return term('table', flag);
  if (name === 'table' && !negated) return term('table', () => true);
  if (name === '' || ![...name].every((letter) => letter === 'x' || letter in PROT_LETTERS)) return null;
  const has = ({ prot }: Descriptor, letter: string): boolean =>
    letter === 'x' ? (prot & PROT_LETTERS['n']) === 0 : (prot & PROT_LETTERS[letter]) !== 0;
  return { on: 'leaf', test: (descriptor) => [...name].every((letter) => has(descriptor, letter) !== negated) };
}

/** The filter asks for table entries, which a view of leaves does not show. */
export function wantsTables(filter: DumpFilter): boolean {
  return filter.attributes.some((term) => term.on === 'table');
}

/**
 * Visits the entries on the way to what the filter selects, depth first; `selected` tells the latter. Nothing outside
 * the range of IOVAs and below the last wanted level is entered, nor what `enter` declines. The entry object is reused.
 */
export function visitSelected(
  pt: PageTable,
  filter: DumpFilter,
  visit: (entry: Entry, selected: boolean) => void,
  enter: (entry: Entry) => boolean = () => true,
): void {
  const { levels, attributes } = filter;
  const deepest = levels === null ? LAST_LEVEL : levels.lastIndexOf(true);
  visitEntries(
    pt,
    (entry) => {
      const level = levels === null || levels[entry.level];
      visit(entry, level && (attributes.length === 0 || matches(pt, entry, attributes)));
      return entry.level < deepest && enter(entry);
    },
    filter.iova,
  );
}

function matches(pt: PageTable, entry: Entry, terms: readonly AttributeTerm[]): boolean {
  const on = entry.kid === 0 ? 'leaf' : 'table';
  if (terms[0].on !== on) return false;
  const descriptor = decodeDescriptor(pt, entry.level, entry.pteHi, entry.pteLo);
  return terms.every((term) => term.test(descriptor));
}
