import type { Finding, FindingKind } from '../../../src/replay/results/findings.ts';
import type { NamedDocument, ReportStyle } from '../../../src/report/reporter.ts';
import type { DomainStats, StatsDocument, StrategyStats } from '../../../src/stats/document.ts';
import { runCli } from '../../cli/fake-io.ts';

export const PLAIN: ReportStyle = { color: false, width: null, reservations: false, all: false, assets: null };

/** A name that means something to every format. */
export const HOSTILE = '=a|b `c` <b>&"\n\u001b[31m%0A::error::x, @root #1 \ufffe';

export const finding = (kind: FindingKind, line: number, message: string, fields: Partial<Finding> = {}): Finding => ({
  kind,
  seq: line - 1,
  line,
  domain: 'd0',
  message,
  ...fields,
});

export const COUNTERS = {
  'tables.peak': 14,
  'tables.live': 4,
  'tables.allocated': 20,
  'tables.freed': 16,
  'tables.empty': 1,
  'tables.allocated.l3': 16,
  'tables.peak.l3': 11,
  'tables.live.l3': 1,
  'tables.freed.l3': 15,
  'leaves.live.l3': 1_234,
  'memory.occupied': 16_384,
  'memory.occupiedPeak': 57_344,
  'mapped.live': 5_054_464,
  'ops.map': 1_300,
  'ops.unmap': 40,
  'tlb.flushWalks': 16,
  'tlb.iotlbSyncs': 40,
  'tlb.addPages': 66,
  'warns.total': 0,
};

export const domainOf = (id: string, fields: Partial<DomainStats> = {}): DomainStats => ({
  id,
  config: {
    format: 'ARM_64_LPAE_S1',
    kernel: '7.1',
    partialUnmap: 'refuse',
    pgsizes: '0x40201000',
    ias: 48,
    oas: 48,
    coherent: true,
    quirks: [],
    granule: 4096,
    startLevel: 0,
  },
  driver: 'iommu',
  allocator: 'kernel',
  flush: 'none',
  destroyed: false,
  refused: null,
  counters: COUNTERS,
  reservations: [],
  ...fields,
});

/** Statistics of one replay as it would leave them. */
export function documentOf(fields: Partial<StatsDocument> = {}): StatsDocument {
  return {
    schema: 'pgtrace.stats/1',
    tool: { name: 'pgtrace', version: '0.1.0' },
    trace: {
      format: 'ndjson',
      events: 1_342,
      lines: 1_342,
      skippedLines: 0,
      protAssumed: 0,
      domainAssumed: false,
      jobsNeverRan: 0,
      firstConflict: 0,
      import: null,
    },
    config: {
      kernel: '7.1',
      partialUnmap: 'refuse',
      allocator: 'kernel',
      driver: null,
      flush: 'none',
      gather: 'iotlb',
      onConflict: 'keep',
      queue: null,
      zero: true,
      maple: false,
      reserveAround: null,
      reservations: {
        fill: 'all',
        overBlock: 'refuse',
        boundary: 'covered',
        rcuLatency: 0,
        rcuLatencyUnit: 'ops',
      } as unknown as StatsDocument['config']['reservations'],
      overrides: {},
    },
    complete: true,
    counters: { ...COUNTERS, domains: 1 },
    domains: [domainOf('d0')],
    findings: [],
    ...fields,
  };
}

const FINDINGS = [
  finding('return-mismatch', 7, 'the recording says -22: got 0, 50% | <b>', {
    domain: HOSTILE,
    range: { iova: '0x200000', size: 2_097_152 },
  }),
  finding('steal', 9, 'a page of op 3 went to op 4'),
];

const strategy = (allocator: string, fields: Partial<StrategyStats>): StrategyStats => ({
  allocator,
  counters: COUNTERS,
  domains: [domainOf('d0', { allocator })],
  findings: [],
  ...fields,
});

/** One of everything: good, with findings and hostile names, broken off, refused, several allocators. */
export const RICH: readonly NamedDocument[] = [
  { name: 'traces/boot.ndjson', document: documentOf() },
  {
    name: HOSTILE,
    document: documentOf({
      findings: FINDINGS,
      counters: {
        ...COUNTERS,
        domains: 2,
        'findings.return-mismatch': 70,
        'findings.steal': 1,
        'warns.total': 3,
        'warns.not-mapped': 3,
      },
      domains: [
        domainOf(HOSTILE, { allocator: 'pool,size=4', destroyed: true }),
        domainOf('+1', { refused: 'no | way', counters: { 'tables.peak': 0 } }),
      ],
      trace: { ...documentOf().trace, domainAssumed: true, skippedLines: 2 },
    }),
  },
  { name: '<stdin>', document: documentOf({ complete: false, findings: [FINDINGS[1]] }) },
  {
    name: 'binds.ndjson.gz',
    document: documentOf({
      counters: { ...COUNTERS, domains: 1, 'op.reserved': 40, 'op.used': 10, 'op.returned': 30 },
      strategies: [
        strategy('reserve,for=worst', {
          counters: {
            ...COUNTERS,
            'alloc.callsInRun': 0,
            'alloc.heldPeak': 81_920,
            'op.reserved': 40,
            'op.used': 10,
            'op.returned': 30,
            'op.unusedPeak': 40,
          },
        }),
        strategy('shared-pool', {
          counters: { ...COUNTERS, 'alloc.callsInRun': 9, 'alloc.heldPeak': 40_960, 'findings.steal': 1 },
          findings: [FINDINGS[1]],
        }),
      ],
    }),
  },
];

/** What a replay of a shipped trace leaves. */
export async function replayed(name: string, ...args: string[]): Promise<NamedDocument> {
  const path = new URL(`../../../traces/${name}`, import.meta.url).pathname;
  const { stdout } = await runCli(['replay', path, '--json', ...args]);
  return { name: `traces/${name}`, document: JSON.parse(stdout) as StatsDocument };
}
