import { exactSize, grouped, plural, readableBytes } from '../../../../base/sizes.ts';
import type { Layout, Place } from './layout.ts';
import { type Item, itemAt, type Lane, type Leaves, leafSize, type Space, type Table } from './space.ts';

/** Facts about what stands at a place, each with its name. */
export type Facts = readonly (readonly [name: string, value: string])[];

/** An entry of a table, or an item that has none: what is outlined, and what is told about it. */
export interface Hit {
  readonly iova: number;
  readonly size: number;
  readonly item: Item | null;
  readonly facts: Facts;
}

/** What stands in a row at a place. */
export function hitAt(space: Space, layout: Layout, lane: Lane, place: Place): Hit {
  if ('fold' in place) {
    const gap = layout.fold(place.fold);
    return {
      ...gap,
      item: null,
      facts: [
        ['unused', range(gap.iova, gap.size)],
        ['size', readableBytes(gap.size)],
      ],
    };
  }
  const { iova } = place;
  const item = itemAt(lane.items, iova);
  if (item === null) return nothing(space, iova);
  if (item.kind === 'leaves') return leaf(space, item, iova);
  if (item.kind === 'table') return { ...extent(item), item, facts: tableFacts(space, item) };
  const facts: Facts = [
    ['reservation', item.id],
    ['range', range(item.iova, item.size)],
  ];
  return { ...extent(item), item, facts };
}

const extent = ({ iova, size }: Item): { iova: number; size: number } => ({ iova, size });

/** The very entry of a run that translates an address. */
function leaf(space: Space, run: Leaves, address: number): Hit {
  const size = leafSize(run);
  if (run.unmapped > 0) return merged(space, run, size);
  const nth = Math.floor((address - run.iova) / size);
  const iova = run.iova + nth * size;
  const table = space.tableAt(run.level, iova);
  const name = run.level === 3 ? 'page' : 'block';
  const facts: (readonly [string, string])[] = [
    [name, range(iova, size)],
    ['paddr', run.paddr === null ? 'scattered, not kept: too many runs' : hex(run.paddr + nth * size)],
    ['attributes', run.attrs],
    ['entry', table === null ? `L${run.level}` : `L${run.level}, index ${indexIn(table, iova)}`],
    ...(table === null ? [] : [['table', tableText(table)] as const]),
  ];
  if (run.count > 1)
    facts.push(['run', `${grouped(nth + 1)} of ${grouped(run.count)} x ${exactSize(size)} from ${hex(run.iova)}`]);
  return { iova, size, item: run, facts: [...facts, ...reservations(space, iova)] };
}

/** Several runs that were merged since there are too many: which of its addresses are mapped is not known. */
function merged(space: Space, run: Leaves, size: number): Hit {
  const facts: Facts = [
    ['several runs', range(run.iova, run.size)],
    ['leaves', `${grouped(run.count)} x ${exactSize(size)}, ${readableBytes(run.unmapped)} between them hold none`],
    ['attributes', run.attrs],
    ...reservations(space, run.iova),
  ];
  return { ...extent(run), item: run, facts };
}

function tableFacts(space: Space, table: Table): Facts {
  const above = space.tableAt(table.level - 1, table.iova);
  return [
    [`L${table.level} table`, hex(table.paddr)],
    ['translates', range(table.iova, table.size)],
    [
      'entries',
      `${grouped(table.live)} of ${grouped(table.entries)} live, each ${exactSize(table.size / table.entries)}`,
    ],
    ['state', states(table)],
    ...(above === null
      ? []
      : [['in', `L${above.level} table ${hex(above.paddr)}, index ${indexIn(above, table.iova)}`] as const]),
    ...reservations(space, table.iova),
  ];
}

function nothing(space: Space, address: number): Hit {
  const iova = Math.floor(address / space.granule) * space.granule;
  const table = space.lowestAt(iova);
  const facts: Facts = [
    ['nothing here at', hex(iova)],
    ...(table === null
      ? []
      : [['lowest table', `L${table.level} ${tableText(table)}, index ${indexIn(table, iova)}`] as const]),
    ...reservations(space, iova),
  ];
  return { iova, size: space.granule, item: null, facts };
}

function reservations(space: Space, iova: number): Facts {
  const ids = space.reservedAt(iova).map(({ id }) => id);
  return ids.length === 0 ? [] : [['reserved by', ids.join(', ')]];
}

function indexIn(table: Table, iova: number): number {
  return Math.floor((iova - table.iova) / (table.size / table.entries));
}

function tableText(table: Table): string {
  const extra = stateWords(table);
  return `${hex(table.paddr)}, ${grouped(table.live)} of ${grouped(table.entries)} live${extra.length === 0 ? '' : `, ${extra.join(', ')}`}`;
}

function states(table: Table): string {
  const words = stateWords(table);
  return words.length === 0 ? 'in use' : words.join(', ');
}

function stateWords({ empty, pinned, parked }: Table): string[] {
  return [...(empty ? ['empty'] : []), ...(pinned ? ['pinned'] : []), ...(parked ? ['parked below a block'] : [])];
}

/** `0x1000 to 0x1fff (4K)`. */
function range(iova: number, size: number): string {
  return `${hex(iova)} to ${last(iova, size)} (${size % 1024 === 0 ? exactSize(size) : plural(size, 'byte')})`;
}

/** The last byte of a range: its low half is counted apart, since a double cannot hold it above 2^53. */
function last(iova: number, size: number): string {
  const end = iova + size;
  const low = end % 2 ** 32;
  const [high, rest] = low === 0 ? [Math.floor(end / 2 ** 32) - 1, 2 ** 32 - 1] : [Math.floor(end / 2 ** 32), low - 1];
  return high === 0 ? hex(rest) : `0x${high.toString(16)}${rest.toString(16).padStart(8, '0')}`;
}

/** An address in hex. */
export function hex(address: number): string {
  return `0x${address.toString(16)}`;
}
