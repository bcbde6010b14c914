import { exactSize, grouped } from '../../base/sizes.ts';
import type { TextOutput } from '../../base/text-output.ts';
import { hex64, hex64Padded } from '../../base/u64.ts';
import { decodeDescriptor, leafText, protLetters } from '../../lpae/format/decode-descriptor.ts';
import { LEVELS } from '../../lpae/format/geometry.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import type { AddressSpace } from '../../replay/spaces/address-space.ts';
import { endHex } from './addresses.ts';
import { isFiltered } from './filter.ts';
import { forEachRange, type LeafRange } from './merge.ts';
import { checkExpansion } from './shared-tables.ts';
import { jsonLine, mappedTotal, shownTable, spaceLine, writeSpaces } from './spaces.ts';
import type { DumpRequest, DumpView } from './view.ts';

/** What is mapped, leaves merged to ranges, with a total. */
export const rangesView: DumpView = { text, json };

/** The attribute column at its usual width: letters and shareability. */
const ATTRIBUTES_WIDTH = 'rwcnmp inner'.length;

/** Widths of the columns of one address space; a first pass over it finds them, so that none of its ranges is kept. */
interface Columns {
  /** Hex digits, and characters of a whole range: an end of 2^64 has a digit more. */
  readonly iova: number;
  readonly iovaText: number;
  readonly size: number;
  readonly pages: number;
  readonly paddr: number;
  readonly attributes: number;
}

function text(spaces: readonly AddressSpace[], request: DumpRequest, output: TextOutput): void {
  checkExpansion(spaces, request);
  writeSpaces(spaces, request, output, (table) => tableText(table, request, output));
}

function tableText(table: PageTable, request: DumpRequest, output: TextOutput): void {
  const { filter, merge, ink, width } = request;
  let ranges = 0;
  let bytes = 0;
  let columns: Columns = { iova: 1, iovaText: 0, size: 4, pages: 5, paddr: 1, attributes: ATTRIBUTES_WIDTH };
  forEachRange(table, filter, merge, (range) => {
    ranges++;
    bytes += range.bytes;
    columns = widened(columns, table, range);
  });
  const both = (digits: number): number => 2 * (digits + 2) + 2;
  const iovaWidth = Math.max(both(columns.iova), columns.iovaText);
  const full = iovaWidth + both(columns.paddr) + columns.size + columns.pages + columns.attributes + 8;
  // The end of a physical range follows from its size: the first thing to go on a narrow terminal.
  const paddrEnds = width === null || full <= width;
  if (ranges > 0) {
    const titles = [
      'iova'.padEnd(iovaWidth),
      'size'.padStart(columns.size),
      'pages'.padEnd(columns.pages),
      'paddr'.padEnd(paddrEnds ? both(columns.paddr) : columns.paddr + 2),
      'attributes',
    ];
    output.write(`${ink.dim(titles.join('  '))}\n`);
  }
  forEachRange(table, filter, merge, (range) => {
    const cells = [
      iovaText(range, columns.iova).padEnd(iovaWidth),
      exactSize(range.bytes).padStart(columns.size),
      pagesText(table, range).padEnd(columns.pages),
      paddrText(range, columns.paddr, paddrEnds),
      attributesText(table, range),
    ];
    output.write(`${cells.join('  ')}\n`);
  });
  output.write(`${totalText(ranges, bytes, request)}\n`);
}

function widened(columns: Columns, table: PageTable, range: LeafRange): Columns {
  const digits = Math.max(columns.iova, Math.min(16, endHex(range.lastHi, range.lastLo, 1).length - 2));
  return {
    iova: digits,
    iovaText: Math.max(columns.iovaText, iovaText(range, digits).length),
    size: Math.max(columns.size, exactSize(range.bytes).length),
    pages: Math.max(columns.pages, pagesText(table, range).length),
    paddr: Math.max(columns.paddr, endHex(range.paddrLastHi, range.paddrLastLo, 1).length - 2),
    attributes: Math.max(columns.attributes, attributesText(table, range).length),
  };
}

function iovaText(range: LeafRange, digits: number): string {
  return `${hex64Padded(range.startHi, range.startLo, digits)}..${endHex(range.lastHi, range.lastLo, digits)}`;
}

/** `1x2M 3x4K`: the leaves behind a range, largest first. */
function pagesText(table: PageTable, range: LeafRange): string {
  const parts: string[] = [];
  for (let level = 0; level < LEVELS; level++) {
    if (range.leaves[level] > 0) parts.push(`${range.leaves[level]}x${exactSize(table.sizes[level])}`);
  }
  return parts.join(' ');
}

function paddrText(range: LeafRange, digits: number, withEnd: boolean): string {
  const start = hex64Padded(range.paddrHi, range.paddrLo, digits);
  if (!withEnd) return range.contiguous ? start : 'scattered'.padEnd(start.length);
  const full = `${start}..${endHex(range.paddrLastHi, range.paddrLastLo, digits)}`;
  return range.contiguous ? full : 'scattered'.padEnd(full.length);
}

function attributesText(table: PageTable, range: LeafRange): string {
  return leafText(decodeDescriptor(table, range.level, range.pteHi, range.pteLo));
}

function totalText(ranges: number, bytes: number, request: DumpRequest): string {
  const { iova } = request.filter;
  const bounds =
    iova === null
      ? isFiltered(request.filter)
        ? ' in what is shown'
        : ''
      : iova.single
        ? ` at ${hex64(iova.startHi, iova.startLo)}`
        : ` in ${hex64(iova.startHi, iova.startLo)}..${endHex(iova.lastHi, iova.lastLo, 1)}`;
  return `${grouped(ranges)} ${ranges === 1 ? 'range' : 'ranges'}, ${mappedTotal(bytes)}${bounds}`;
}

function json(spaces: readonly AddressSpace[], request: DumpRequest, output: TextOutput): void {
  checkExpansion(spaces, request);
  for (const space of spaces) {
    output.write(spaceLine(space));
    const table = shownTable(space);
    if (table === null) continue;
    let ranges = 0;
    let bytes = 0;
    forEachRange(table, request.filter, request.merge, (range) => {
      ranges++;
      bytes += range.bytes;
      output.write(rangeLine(space, table, range));
    });
    output.write(jsonLine({ kind: 'total', domain: space.id, ranges, bytes }));
  }
}

function rangeLine(space: AddressSpace, table: PageTable, range: LeafRange): string {
  const { prot, share, attrIndex, flags } = decodeDescriptor(table, range.level, range.pteHi, range.pteLo);
  const pages = [];
  for (let level = 0; level < LEVELS; level++) {
    if (range.leaves[level] > 0) pages.push({ level, size: table.sizes[level], count: range.leaves[level] });
  }
  return jsonLine({
    kind: 'range',
    domain: space.id,
    iova: hex64(range.startHi, range.startLo),
    size: range.bytes,
    // Where the first byte lies; only contiguous ranges go on from there.
    paddr: hex64(range.paddrHi, range.paddrLo),
    contiguous: range.contiguous,
    pages,
    prot: protLetters(prot),
    share,
    attrIndex,
    flags,
  });
}
