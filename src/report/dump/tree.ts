import { exactSize, plural } from '../../base/sizes.ts';
import type { TextOutput } from '../../base/text-output.ts';
import { addHi, addLo, hex64, hex64Padded, hexNumber } from '../../base/u64.ts';
import { decodeDescriptor, leafText, protLetters, sameAttributes } from '../../lpae/format/decode-descriptor.ts';
import { unpackHi, unpackLo } from '../../lpae/format/descriptor.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import type { Entry } from '../../lpae/visit.ts';
import type { AddressSpace } from '../../replay/address-space.ts';
import { measure, type Widths } from './addresses.ts';
import { type DumpFilter, isFiltered, visitSelected } from './filter.ts';
import { jsonLine, mappedTotal, shownTable, spaceLine, writeSpaces } from './spaces.ts';
import type { DumpRequest, DumpView } from './view.ts';

/** Tables within tables; neighbouring leaves of one table with equal attributes and consecutive addresses are one line. */
export const treeView: DumpView = { text, json };

const DESCRIPTOR_BYTES = 8;

/** Receives a table entry, or `count` leaves of which `entry` is the first. */
interface TreeVisitor {
  table(entry: Readonly<Entry>): void;
  leaves(entry: Readonly<Entry>, count: number): void;
}

/** Gives what a filter selects and the table entries on the way to it, in the order of the tables. */
function walkTree(pt: PageTable, filter: DumpFilter, visitor: TreeVisitor): void {
  /** Table entries on the way that have not been given, for want of anything below them. */
  let pending: Entry[] = [];
  let first: Entry | null = null;
  let count = 0;
  const endLeaves = (): void => {
    if (first !== null) visitor.leaves(first, count);
    first = null;
  };
  const givePending = (): void => {
    for (const entry of pending) visitor.table(entry);
    pending = [];
  };
  visitSelected(pt, filter, (entry, selected) => {
    if (first !== null && (!selected || !continues(pt, first, count, entry))) endLeaves();
    if (pending.length > 0) pending = pending.filter((above) => above.level < entry.level);
    if (entry.kid !== 0) {
      pending.push({ ...entry });
      if (selected) givePending();
    } else if (selected) {
      givePending();
      if (first === null) {
        first = { ...entry };
        count = 0;
      }
      count++;
    }
  });
  endLeaves();
}

/** The entry is the next of its table, with the attributes of the first and the address after `count` leaves. */
function continues(pt: PageTable, first: Entry, count: number, entry: Entry): boolean {
  if (entry.kid !== 0 || entry.table !== first.table || entry.index !== first.index + count) return false;
  if (!sameAttributes(first.pteHi, first.pteLo, entry.pteHi, entry.pteLo)) return false;
  const hi = unpackHi(first.pteHi, first.pteLo, pt.granule64K);
  const lo = unpackLo(first.pteLo, pt.granule64K);
  const offset = count * pt.sizes[entry.level];
  return (
    addLo(lo, offset) === unpackLo(entry.pteLo, pt.granule64K) &&
    addHi(hi, lo, offset) === unpackHi(entry.pteHi, entry.pteLo, pt.granule64K)
  );
}

function text(spaces: readonly AddressSpace[], request: DumpRequest, output: TextOutput): void {
  writeSpaces(spaces, request, output, (table) => tableText(table, request, output));
}

function tableText(pt: PageTable, request: DumpRequest, output: TextOutput): void {
  const { filter } = request;
  const widths = measure(pt, filter);
  const layout = layoutOf(pt, filter);
  const totals = { tables: 1, tableBytes: pt.geometry.pgdSize, leaves: 0, mapped: 0 };
  const describe = (slot: number, level: number): string => {
    const entries = pt.entriesAt(level);
    const live = pt.memory.liveOf(slot);
    const count = `${live}/${entries} live`;
    // Memory that translates nothing.
    const shown = live === 0 && slot !== pt.root ? request.ink.yellow(count) : count;
    return `L${level} table ${paddr(pt, slot, widths)}  ${shown}  ${bytesText(entries * DESCRIPTOR_BYTES)}`;
  };
  output.write(`${describe(pt.root, pt.startLevel)}\n`);
  const line = (entry: Readonly<Entry>, index: string, rest: string): void => {
    const left = `${indent(pt, entry)}${index}`.padEnd(layout.left);
    output.write(`${left}  ${hex64Padded(entry.iovaHi, entry.iovaLo, widths.iova)}  ${rest}\n`);
  };
  walkTree(pt, filter, {
    table(entry) {
      totals.tables++;
      totals.tableBytes += pt.granule;
      line(entry, String(entry.index), describe(entry.kid, entry.level + 1));
    },
    leaves(entry, count) {
      totals.leaves += count;
      totals.mapped += count * pt.sizes[entry.level];
      const descriptor = decodeDescriptor(pt, entry.level, entry.pteHi, entry.pteLo);
      const size = `${count}x${exactSize(pt.sizes[entry.level])}`.padEnd(layout.pages);
      const at = hex64Padded(descriptor.addressHi, descriptor.addressLo, widths.paddr);
      line(entry, indexText(entry, count), `${size}  ${at}  ${leafText(descriptor)}`);
    },
  });
  output.write(
    `${plural(totals.tables, 'table')} (${bytesText(totals.tableBytes)}), ${plural(totals.leaves, 'leaf', 'leaves')}, ${mappedTotal(totals.mapped)}${isFiltered(filter) ? ' in what is shown' : ''}\n`,
  );
}

function bytesText(bytes: number): string {
  return bytes % 1024 === 0 && bytes > 0 ? exactSize(bytes) : `${bytes} bytes`;
}

function indent(pt: PageTable, entry: Readonly<Entry>): string {
  return '  '.repeat(entry.level - pt.startLevel + 1);
}

function indexText(entry: Readonly<Entry>, count: number): string {
  return count === 1 ? String(entry.index) : `${entry.index}-${entry.index + count - 1}`;
}

function paddr(pt: PageTable, slot: number, widths: Widths): string {
  return `0x${hexNumber(pt.memory.addressOf(slot)).slice(2).padStart(widths.paddr, '0')}`;
}

/** Widths of the column with indented indices and of the one with page counts. */
function layoutOf(pt: PageTable, filter: DumpFilter): { left: number; pages: number } {
  const layout = { left: 0, pages: 0 };
  const see = (entry: Readonly<Entry>, index: string): void => {
    layout.left = Math.max(layout.left, indent(pt, entry).length + index.length);
  };
  walkTree(pt, filter, {
    table: (entry) => see(entry, String(entry.index)),
    leaves: (entry, count) => {
      see(entry, indexText(entry, count));
      layout.pages = Math.max(layout.pages, `${count}x${exactSize(pt.sizes[entry.level])}`.length);
    },
  });
  return layout;
}

function json(spaces: readonly AddressSpace[], request: DumpRequest, output: TextOutput): void {
  for (const space of spaces) {
    output.write(spaceLine(space));
    const pt = shownTable(space);
    if (pt === null) continue;
    const domain = space.id;
    const tableOf = (slot: number): string => hexNumber(pt.memory.addressOf(slot));
    const tableLine = (slot: number, level: number, place: object): string => {
      const entries = pt.entriesAt(level);
      const live = pt.memory.liveOf(slot);
      return jsonLine({
        kind: 'table',
        domain,
        level,
        table: tableOf(slot),
        ...place,
        entries,
        live,
        bytes: entries * DESCRIPTOR_BYTES,
      });
    };
    output.write(tableLine(pt.root, pt.startLevel, {}));
    walkTree(pt, request.filter, {
      table(entry) {
        const { flags } = decodeDescriptor(pt, entry.level, entry.pteHi, entry.pteLo);
        const iova = hex64(entry.iovaHi, entry.iovaLo);
        const place = { parent: tableOf(entry.table), index: entry.index, iova, flags };
        output.write(tableLine(entry.kid, entry.level + 1, place));
      },
      leaves(entry, count) {
        const { addressHi, addressLo, prot, share, flags } = decodeDescriptor(
          pt,
          entry.level,
          entry.pteHi,
          entry.pteLo,
        );
        output.write(
          jsonLine({
            kind: 'leaves',
            domain,
            level: entry.level,
            table: tableOf(entry.table),
            index: entry.index,
            count,
            iova: hex64(entry.iovaHi, entry.iovaLo),
            pageSize: pt.sizes[entry.level],
            paddr: hex64(addressHi, addressLo),
            prot: protLetters(prot),
            share,
            flags,
          }),
        );
      },
    });
  }
}
