import type { DomainStats, StatsDocument, StrategyStats } from '../../stats/document.ts';
import type { FlushPolicyStats } from '../../stats/metrics/flush-metrics.ts';
import type { Counters } from '../../stats/metrics/metric.ts';
import { metricOf } from '../../stats/metrics/metrics.ts';
import { csvFields } from '../markup/csv.ts';
import type { NamedDocument, StatsReporter } from '../reporter.ts';

const HEAD = ['trace', 'driver', 'allocator', 'domain', 'metric', 'unit', 'direction', 'value'];

/** Counters and what they belong to; the domain is empty for the total. */
interface Group {
  readonly key: readonly [trace: string, driver: string, allocator: string, domain: string];
  /** The flush policy that they are of; null: the first, as everything else. */
  readonly flush: string | null;
  readonly counters: Counters;
}

/** One line for each counter of each address space and of their total, for spreadsheets and data frames. */
export const csvReporter: StatsReporter = {
  help: 'a line for each metric of each trace, allocator and address space',
  render: (documents) => {
    const groups = documents.flatMap(groupsOf).sort(byKey);
    const metric = remembered(metricFields);
    // Only a comparison of flush policies has lines of one policy and not of another.
    const named = groups.some(({ flush }) => flush !== null);
    const head = named ? [...HEAD, 'flush'] : HEAD;
    return `${csvFields(head)}\n${groups.map((group) => linesOf(group, metric, named)).join('')}`;
  },
};

function groupsOf({ name, document }: NamedDocument): Group[] {
  const runs: readonly (StrategyStats | StatsDocument)[] = document.strategies ?? [document];
  return runs.flatMap((run): Group[] => {
    const allocator = 'allocator' in run ? run.allocator : run.config.allocator;
    const asked = 'allocator' in run ? run.driver : run.config.driver;
    const driver = asked ?? driversOf(run.domains);
    return [
      { key: [name, driver, allocator, ''], flush: null, counters: run.counters },
      ...others(document).map(
        ({ policy, counters }): Group => ({ key: [name, driver, allocator, ''], flush: policy, counters }),
      ),
      ...run.domains.map(
        (domain): Group => ({
          key: [name, domain.driver, domain.allocator, domain.id],
          flush: null,
          counters: domain.counters,
        }),
      ),
    ];
  });
}

/** The flush policies beside the first, which the counters of a document are of. */
function others({ flushPolicies }: StatsDocument): readonly FlushPolicyStats[] {
  return flushPolicies?.slice(1) ?? [];
}

/** The drivers of the address spaces, each once, as a document names the allocators. */
function driversOf(domains: readonly DomainStats[]): string {
  return [...new Set(domains.map(({ driver }) => driver))].join(' ');
}

function byKey(a: Group, b: Group): number {
  for (let at = 0; at < a.key.length; at++) {
    if (a.key[at] !== b.key[at]) return a.key[at] < b.key[at] ? -1 : 1;
  }
  const [first, second] = [a.flush ?? '', b.flush ?? ''];
  return first === second ? 0 : first < second ? -1 : 1;
}

/** `metric` gives the fields of a metric, which most groups have in common. */
function linesOf({ key, flush, counters }: Group, metric: (name: string) => string, named: boolean): string {
  const whose = csvFields(key);
  const end = named ? `,${csvFields([flush ?? ''])}` : '';
  return Object.keys(counters)
    .sort()
    .map((name) => `${whose},${metric(name)},${counters[name]}${end}\n`)
    .join('');
}

function metricFields(name: string): string {
  const { unit = '', direction = '' } = metricOf(name) ?? {};
  return csvFields([name, unit, direction]);
}

/** A function that remembers what it gave. */
function remembered(make: (name: string) => string): (name: string) => string {
  const known = new Map<string, string>();
  return (name) => {
    let value = known.get(name);
    if (value === undefined) {
      value = make(name);
      known.set(name, value);
    }
    return value;
  };
}
