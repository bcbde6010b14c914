import { printableJson } from '../../base/printable.ts';
import type { TextOutput } from '../../base/text-output.ts';
import { hex64, hex64Padded, hexNumber } from '../../base/u64.ts';
import { decodeDescriptor, descriptorText } from '../../lpae/format/decode-descriptor.ts';
import type { AddressSpace } from '../../replay/spaces/address-space.ts';
import { measure } from './addresses.ts';
import { visitSelected } from './filter.ts';
import { checkExpansion } from './shared-tables.ts';
import { shownTable, writeSpaces } from './spaces.ts';
import type { DumpRequest, DumpView } from './view.ts';

/** Every non-zero entry, depth first: an entry, then its subtree. Those of a shared table come at every address that it stands for. */
export const rawView: DumpView = { text, json };

const PTE_DIGITS = 16;
/** A decoded leaf, but for the digits of its address. */
const LEAF_WIDTH = 'block 0x rwcnmp inner'.length;

function text(spaces: readonly AddressSpace[], request: DumpRequest, output: TextOutput): void {
  checkExpansion(spaces, request);
  writeSpaces(spaces, request, output, (table) => {
    const widths = measure(table, request.filter);
    const indexWidth = String(Math.max(table.pgdEntries, table.tableEntries) - 1).length;
    const titles = [
      'lv',
      'table'.padEnd(widths.paddr + 2),
      'idx'.padStart(Math.max(3, indexWidth)),
      'iova'.padEnd(widths.iova + 2),
      'entry'.padEnd(PTE_DIGITS + 2),
      'decoded',
    ];
    let count = 0;
    const fixed = titles.slice(0, -1).reduce((sum, title) => sum + title.length + 2, 0);
    // The entry itself holds the address that is repeated: the first thing to go on a narrow terminal.
    const repeat = request.width === null || fixed + widths.paddr + LEAF_WIDTH <= request.width;
    const address = (hi: number, lo: number): string => hex64Padded(hi, lo, widths.paddr);
    visitSelected(table, request.filter, (entry, selected) => {
      if (!selected) return;
      if (count++ === 0) output.write(`${request.ink.dim(titles.join('  '))}\n`);
      const at = hexNumber(table.memory.addressOf(entry.table)).slice(2).padStart(widths.paddr, '0');
      const index = String(entry.index).padStart(Math.max(3, indexWidth));
      const iova = hex64Padded(entry.iovaHi, entry.iovaLo, widths.iova);
      const pte = hex64Padded(entry.pteHi, entry.pteLo, PTE_DIGITS);
      const decoded = descriptorText(
        decodeDescriptor(table, entry.level, entry.pteHi, entry.pteLo),
        repeat ? address : null,
      );
      output.write(`L${entry.level}  0x${at}  ${index}  ${iova}  ${pte}  ${decoded}\n`);
    });
    output.write(`${count} ${count === 1 ? 'entry' : 'entries'}\n`);
  });
}

/** The fixed form: `{"domain":...,"level":0,"table":"0x...","index":5,"iova":"0x...","pte":"0x..."}`. */
function json(spaces: readonly AddressSpace[], request: DumpRequest, output: TextOutput): void {
  checkExpansion(spaces, request);
  for (const space of spaces) {
    const table = shownTable(space);
    if (table === null) continue;
    const domain = printableJson(JSON.stringify(space.id));
    visitSelected(table, request.filter, (entry, selected) => {
      if (!selected) return;
      output.write(
        `{"domain":${domain},"level":${entry.level},"table":"${hexNumber(table.memory.addressOf(entry.table))}","index":${entry.index},"iova":"${hex64(entry.iovaHi, entry.iovaLo)}","pte":"${hex64(entry.pteHi, entry.pteLo)}"}\n`,
      );
    });
  }
}
