import { usageError } from '../../base/errors.ts';
import { printable, printableJson } from '../../base/printable.ts';
import { bitmapSizes, exactSize, grouped, readableBytes } from '../../base/sizes.ts';
import type { TextOutput } from '../../base/text-output.ts';
import { hexNumber } from '../../base/u64.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import type { AddressSpace } from '../../replay/spaces/address-space.ts';
import { shortened } from '../markup/shorten.ts';
import type { DumpRequest } from './view.ts';

const IDS_LISTED = 10;
/** Characters of a name in a line for people. */
const LONGEST_NAME = 100;

/**
 * The address spaces to show, in order of creation: of several that had the same id in turn only the last, and with `id`
 * only that one. Throws a usage error that lists the ids when there is none of that id.
 */
export function selectSpaces(spaces: readonly AddressSpace[], id: string | null): readonly AddressSpace[] {
  const last = new Map(spaces.map((space) => [space.id, space]));
  const current = spaces.filter((space) => last.get(space.id) === space);
  if (id === null) return current;
  const chosen = current.filter((space) => space.id === id);
  if (chosen.length > 0) return chosen;
  const names = current.slice(0, IDS_LISTED).map(nameOf);
  const more = current.length - names.length;
  const list =
    names.length === 0 ? 'there is none' : `there is ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  throw usageError(`--domain ${JSON.stringify(id)}: no such domain; ${list}`);
}

/** The table of an address space that can be shown: neither refused nor destroyed. */
export function shownTable(space: AddressSpace): PageTable | null {
  const { table } = space;
  return table === null || table.root === 0 ? null : table;
}

/** Why there is nothing to show of an address space. */
export function absence(space: AddressSpace): string {
  if (space.refusal !== null) return `refused: ${space.refusal.reason}`;
  return space.destroyed ? 'destroyed' : `page tables in ${space.driver}'s own format, which dump does not show`;
}

/** The name of an address space, as much of it as a line can take. */
export function nameOf({ id }: AddressSpace): string {
  return shortened(printable(id), LONGEST_NAME);
}

/** The line above what is shown of an address space. */
export function spaceHeader(space: AddressSpace, request: DumpRequest): string {
  const name = request.ink.bold(`domain ${nameOf(space)}`);
  const table = shownTable(space);
  if (table === null) return `${name}  ${absence(space)}\n`;
  const { config } = table;
  const sizes = bitmapSizes(config.pgsizes).map(exactSize).join(' ');
  const words = [
    config.format,
    sizes,
    `ias ${config.ias}`,
    `oas ${config.oas}`,
    config.coherent ? 'coherent' : 'non-coherent',
    ...config.quirks,
    `kernel ${config.kernel}`,
  ];
  return `${name}  ${words.join(' ')}\n`;
}

/** Writes each address space under its header, a blank line between them. */
export function writeSpaces(
  spaces: readonly AddressSpace[],
  request: DumpRequest,
  output: TextOutput,
  body: (table: PageTable) => void,
): void {
  spaces.forEach((space, i) => {
    output.write(`${i === 0 ? '' : '\n'}${spaceHeader(space, request)}`);
    const table = shownTable(space);
    if (table !== null) body(table);
  });
}

/** The JSON line above what is shown of an address space. */
export function spaceLine(space: AddressSpace): string {
  const table = shownTable(space);
  const { config } = table ?? { config: space.asked };
  return jsonLine({
    kind: 'domain',
    domain: space.id,
    state: stateOf(space),
    ...(space.refusal === null ? {} : { reason: space.refusal.reason }),
    format: space.gpu?.own ? space.driver : config.format,
    pgsizes: hexNumber(config.pgsizes),
    ias: config.ias,
    oas: config.oas,
    coherent: config.coherent,
    quirks: config.quirks,
    kernel: config.kernel,
  });
}

function stateOf(space: AddressSpace): string {
  if (space.refusal !== null) return 'refused';
  if (space.destroyed) return 'destroyed';
  return space.gpu?.own ? 'own-format' : 'live';
}

/** A total to the byte and for the eye: `4,222,976 bytes mapped (4.0 MiB)`. */
export function mappedTotal(bytes: number): string {
  return `${grouped(bytes)} bytes mapped${bytes < 1024 ? '' : ` (${readableBytes(bytes)})`}`;
}

/** One object as a line of NDJSON; keys stay in their order. */
export function jsonLine(value: object): string {
  return `${printableJson(JSON.stringify(value))}\n`;
}
