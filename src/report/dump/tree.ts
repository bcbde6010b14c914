import { exactSize, grouped, plural } from '../../base/sizes.ts';
import type { TextOutput } from '../../base/text-output.ts';
import { hex64, hex64Padded, hexNumber } from '../../base/u64.ts';
import { decodeDescriptor, leafText, protLetters } from '../../lpae/format/decode-descriptor.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { translatedLeaves } from '../../lpae/sharing/expansion.ts';
import type { Entry } from '../../lpae/visit.ts';
import type { AddressSpace } from '../../replay/spaces/address-space.ts';
import { measure, type Widths } from './addresses.ts';
import { type DumpFilter, isFiltered } from './filter.ts';
import type { SharedTable } from './shared-tables.ts';
import { jsonLine, mappedTotal, shownTable, spaceLine, writeSpaces } from './spaces.ts';
import { walkTree } from './tree-walk.ts';
import type { DumpRequest, DumpView } from './view.ts';

/**
 * Tables within tables; a shared one is shown where it is met first, and named elsewhere; neighbouring leaves of
 * one table with equal attributes and consecutive addresses are one line.
 */
export const treeView: DumpView = { text, json };

const DESCRIPTOR_BYTES = 8;

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
    table(entry, shared) {
      totals.tables++;
      totals.tableBytes += pt.granule;
      const name = shared === null ? '' : `  = ${sharedText(shared)}`;
      line(entry, String(entry.index), `${describe(entry.kid, entry.level + 1)}${name}`);
    },
    again(entry, count, shared) {
      totals.mapped += count * pt.sizes[entry.level];
      line(entry, indexText(entry, count), `-> ${sharedText(shared)}`);
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
  const translated = isFiltered(filter) ? totals.leaves : translatedLeaves(pt).reduce((sum, count) => sum + count);
  const leaves = translated === totals.leaves ? '' : ` (${grouped(translated)} as translated)`;
  output.write(
    `${plural(totals.tables, 'table')} (${bytesText(totals.tableBytes)}), ${plural(totals.leaves, 'leaf', 'leaves')}${leaves}, ${mappedTotal(totals.mapped)}${isFiltered(filter) ? ' in what is shown' : ''}\n`,
  );
}

/** `T7 (shared x512)`: how a table is named that several entries point to. */
function sharedText({ number, links }: SharedTable): string {
  return `T${number} (shared x${links})`;
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
    again: (entry, count) => see(entry, indexText(entry, count)),
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
    const tableLine = (slot: number, level: number, place: object, shared: SharedTable | null = null): string => {
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
        ...(shared === null ? {} : { links: shared.links }),
      });
    };
    output.write(tableLine(pt.root, pt.startLevel, {}));
    walkTree(pt, request.filter, {
      table(entry, shared) {
        const { flags } = decodeDescriptor(pt, entry.level, entry.pteHi, entry.pteLo);
        const iova = hex64(entry.iovaHi, entry.iovaLo);
        const place = { parent: tableOf(entry.table), index: entry.index, iova, flags };
        output.write(tableLine(entry.kid, entry.level + 1, place, shared));
      },
      again(entry, count, { links }) {
        output.write(
          jsonLine({
            kind: 'again',
            domain,
            level: entry.level + 1,
            table: tableOf(entry.kid),
            parent: tableOf(entry.table),
            index: entry.index,
            count,
            iova: hex64(entry.iovaHi, entry.iovaLo),
            size: count * pt.sizes[entry.level],
            links,
          }),
        );
      },
      leaves(entry, count) {
        const { addressHi, addressLo, prot, share, attrIndex, flags } = decodeDescriptor(
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
            attrIndex,
            flags,
          }),
        );
      },
    });
  }
}
