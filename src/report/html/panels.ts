/** One chart of the timeline: values that are read against the same axis. */
export interface Panel {
  readonly title: string;
  readonly unit: 'count' | 'bytes';
  /** A value over time, or what each bucket added. */
  readonly kind: 'gauge' | 'count';
  /** Metrics and what the legend calls them. */
  readonly series: readonly (readonly [key: string, label: string])[];
}

const KNOWN: readonly Panel[] = [
  {
    title: 'Live tables',
    unit: 'count',
    kind: 'gauge',
    series: [
      ['tables.live', 'all levels'],
      ['tables.live.l0', 'L0'],
      ['tables.live.l1', 'L1'],
      ['tables.live.l2', 'L2'],
      ['tables.live.l3', 'L3'],
    ],
  },
  {
    title: 'Pages reserved and unused',
    unit: 'count',
    kind: 'gauge',
    series: [
      ['op.unused', 'reserved for operations, unused'],
      ['reservations.pinned', 'pinned by IOVA reservations'],
    ],
  },
  {
    title: 'Table memory',
    unit: 'bytes',
    kind: 'gauge',
    series: [
      ['memory.occupied', 'live tables'],
      ['alloc.held', 'held by the allocator'],
    ],
  },
  { title: 'Mapped', unit: 'bytes', kind: 'gauge', series: [['mapped.live', 'mapped']] },
  {
    title: 'TLB flushes per bucket',
    unit: 'count',
    kind: 'count',
    series: [
      ['tlb.flushWalks', 'walk flushes'],
      ['tlb.iotlbSyncs', 'gathers'],
      ['tlb.flushAlls', 'whole address space'],
      ['tlb.commands', 'commands'],
      ['tlb.commandSyncs', 'command syncs'],
    ],
  },
  {
    title: 'Tables allocated and freed per bucket',
    unit: 'count',
    kind: 'count',
    series: [
      ['tables.allocated', 'allocated'],
      ['tables.freed', 'freed'],
    ],
  },
  {
    title: 'Pages handed to gathers per bucket',
    unit: 'count',
    kind: 'count',
    series: [['tlb.addPages', 'pages']],
  },
  { title: 'Calls of the page allocator per bucket', unit: 'count', kind: 'count', series: [['alloc.calls', 'calls']] },
  { title: 'Blocks split per bucket', unit: 'count', kind: 'count', series: [['blocks.split', 'blocks']] },
  {
    title: 'Cache cleans of table memory per bucket',
    unit: 'count',
    kind: 'count',
    series: [['walker.ptSyncs', 'cleans']],
  },
  { title: 'Kernel warnings per bucket', unit: 'count', kind: 'count', series: [['warns.total', 'warnings']] },
];

/** Keys that count bytes, among those that no panel is made for. */
const BYTES = /^(memory|mapped)\.|held|bytes/i;

/**
 * The charts for the metrics that a timeline has: the known ones in their order with those of their series that are there,
 * then one for each metric that is not known here.
 */
export function panelsFor(gauges: readonly string[], counts: readonly string[]): Panel[] {
  const known = KNOWN.map((panel) => {
    const there = panel.kind === 'gauge' ? gauges : counts;
    return { ...panel, series: panel.series.filter(([key]) => there.includes(key)) };
  });
  const named = new Set(KNOWN.flatMap(({ kind, series }) => series.map(([key]) => `${kind} ${key}`)));
  const other = (kind: Panel['kind'], keys: readonly string[]): Panel[] =>
    keys
      .filter((key) => !named.has(`${kind} ${key}`))
      .map((key) => ({
        title: kind === 'gauge' ? key : `${key} per bucket`,
        unit: BYTES.test(key) ? 'bytes' : 'count',
        kind,
        series: [[key, key]],
      }));
  return [...known.filter(({ series }) => series.length > 0), ...other('gauge', gauges), ...other('count', counts)];
}
