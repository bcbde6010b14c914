/** A trace with the cells that are to be run over it. */
export interface TraceCells<Trace extends WeighedTrace, Cell> {
  readonly trace: Trace;
  readonly cells: readonly Cell[];
}

/** What is known of a trace before it is read. */
export interface WeighedTrace {
  /** Normalised: `/` between folders, composed characters. */
  readonly name: string;
  /** Bytes as stored. */
  readonly bytes: number;
}

/** Some cells over one trace that are run together, so that it is read once for all of them. */
export interface Bundle<Trace extends WeighedTrace, Cell> extends TraceCells<Trace, Cell> {
  /** What the bundle is likely to cost: bytes of trace to replay. */
  readonly weight: number;
}

/** What opening a trace costs beside its bytes, in bytes. */
const OPENING_BYTES = 16 * 1024;
/** More replays at a time have little left to share, and each keeps its tables in memory. */
const MOST_CELLS = 8;
/** So many bundles for each part even the parts out. */
const BUNDLES_PER_PART = 4;

/**
 * Cuts cells into bundles of one trace each, small enough that `parts` workers or machines get about the same. Depends on
 * the names, the sizes, the numbers of cells and `parts` alone, so that every machine comes to the same bundles.
 */
export function bundleCells<Trace extends WeighedTrace, Cell>(
  traces: readonly TraceCells<Trace, Cell>[],
  parts: number,
): Bundle<Trace, Cell>[] {
  const total = traces.reduce((sum, { trace, cells }) => sum + cellWeight(trace) * cells.length, 0);
  const most = total / (parts * BUNDLES_PER_PART);
  return [...traces].sort(byName).flatMap(({ trace, cells }) => {
    const fitting = Math.max(1, Math.min(MOST_CELLS, Math.floor(most / cellWeight(trace))));
    const bundles: Bundle<Trace, Cell>[] = [];
    for (let at = 0; at < cells.length; at += fitting) {
      const some = cells.slice(at, at + fitting);
      bundles.push({ trace, cells: some, weight: cellWeight(trace) * some.length });
    }
    return bundles;
  });
}

/** The heaviest bundle first; those of one weight stay in their order. */
export function heaviestFirst<B extends { readonly weight: number }>(bundles: readonly B[]): B[] {
  return [...bundles].sort((a, b) => b.weight - a.weight);
}

/** Deals bundles out to `shards`: the heaviest first, each to the shard that has the least so far. */
export function dealOut<B extends { readonly weight: number }>(bundles: readonly B[], shards: number): B[][] {
  const hands: B[][] = Array.from({ length: shards }, () => []);
  const loads = new Array<number>(shards).fill(0);
  for (const bundle of heaviestFirst(bundles)) {
    const least = loads.indexOf(Math.min(...loads));
    hands[least].push(bundle);
    loads[least] += bundle.weight;
  }
  return hands;
}

/** The cells of one of `count` shards, the `index`-th counted from 1. Together the shards have each cell once. */
export function shardCells<Trace extends WeighedTrace, Cell>(
  traces: readonly TraceCells<Trace, Cell>[],
  index: number,
  count: number,
): TraceCells<Trace, Cell>[] {
  const mine = new Map<Trace, Cell[]>();
  for (const { trace, cells } of dealOut(bundleCells(traces, count), count)[index - 1]) {
    mine.set(trace, [...(mine.get(trace) ?? []), ...cells]);
  }
  return traces.flatMap(({ trace }) => {
    const cells = mine.get(trace);
    return cells === undefined ? [] : [{ trace, cells }];
  });
}

function cellWeight({ bytes }: WeighedTrace): number {
  return bytes + OPENING_BYTES;
}

function byName<Trace extends WeighedTrace, Cell>(a: TraceCells<Trace, Cell>, b: TraceCells<Trace, Cell>): number {
  return a.trace.name < b.trace.name ? -1 : a.trace.name > b.trace.name ? 1 : a.trace.bytes - b.trace.bytes;
}
