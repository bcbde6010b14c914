/** The costliest events: each charged with what it did, whenever it was carried out. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALLOCATORS } from '../../../src/allocator/registry.ts';
import { chooseModel, type ModelChoice } from '../../../src/base/model.ts';
import type { ReplayOptions } from '../../../src/replay/options.ts';
import { type CostlyEvent, Offenders } from '../../../src/replay/timeline/offenders.ts';
import type { Offender } from '../../../src/stats/timeline.ts';
import { domain, K4, M2, map, reserve, unmap } from '../../cli/events.ts';
import { randomTraces } from '../random-trace.ts';
import { replayEach } from '../run.ts';
import { replayed } from './recorded.ts';

function allocator(text: string): ModelChoice {
  const choice = chooseModel(text, ALLOCATORS);
  if (typeof choice === 'string') throw new Error(choice);
  return choice;
}

const QUEUE = { depth: 3, exec: null, cleanup: { value: 2, unit: 'ops' } } as const;

async function offendersOf(
  events: readonly object[],
  options: Partial<ReplayOptions> = {},
): Promise<readonly Offender[]> {
  return (await replayed(events, { ...options, timeline: true })).document.offenders ?? [];
}

const brief = ({ metric, value, seq }: Offender): unknown[] => [metric, value, seq];

describe('a list of offenders', () => {
  it('holds the ten that cost most, of equals the earlier, and the last value of one that is named again', () => {
    const events = fc.array(fc.record({ value: fc.nat(20), seq: fc.nat(60) }), { maxLength: 120 });
    fc.assert(
      fc.property(events, (list) => {
        const offenders = new Offenders();
        const sums = new Map<number, number>();
        for (const { value, seq } of list) {
          const total = (sums.get(seq) ?? 0) + value;
          sums.set(seq, total);
          if (offenders.accepts(total, seq)) offenders.add({ value: total, seq } as CostlyEvent);
        }
        const wanted = [...sums].filter(([, value]) => value > 0).sort((a, b) => b[1] - a[1] || a[0] - b[0]);
        expect(offenders.list.map(({ seq, value }) => [seq, value])).toEqual(wanted.slice(0, 10));
      }),
      { seed: 31, numRuns: 300 },
    );
  });
});

describe('offenders', () => {
  it('tell which event it was, and where', async () => {
    const events = [
      domain({ pgsizes: [K4, M2], kernel: undefined }),
      map(0, M2),
      { op: 'map_pages', iova: '0x40000000', paddr: '0x0', pgsize: K4, pgcount: 3, prot: 'r' },
      unmap(0, K4),
      reserve('a', 2 ** 39, M2),
    ];
    expect(await offendersOf(events, { kernel: '6.12' })).toEqual([
      {
        metric: 'tables.allocated',
        value: 3,
        seq: 4,
        line: 5,
        domain: 'd0',
        op: 'reserve',
        iova: '0x8000000000',
        size: M2,
      },
      { metric: 'tables.allocated', value: 2, seq: 1, line: 2, domain: 'd0', op: 'map', iova: '0x0', size: M2 },
      {
        metric: 'tables.allocated',
        value: 2,
        seq: 2,
        line: 3,
        domain: 'd0',
        op: 'map_pages',
        iova: '0x40000000',
        size: 3 * K4,
      },
      { metric: 'tables.allocated', value: 1, seq: 3, line: 4, domain: 'd0', op: 'unmap', iova: '0x0', size: K4 },
      { metric: 'tlb.addPages', value: 1, seq: 3, line: 4, domain: 'd0', op: 'unmap', iova: '0x0', size: K4 },
      { metric: 'blocks.split', value: 1, seq: 3, line: 4, domain: 'd0', op: 'unmap', iova: '0x0', size: K4 },
    ]);
  });

  it('do not know the start table of a domain that nobody declares', async () => {
    expect((await offendersOf([map(0, K4)])).map(brief)).toEqual([['tables.allocated', 3, 0]]);
  });

  it('charge the bind with what its job reserved and did not use, and with its tables', async () => {
    const bo = { op: 'bo', id: 'a', size: M2, segments: [{ paddr: '0x80000000', size: M2 }] };
    const bind = (job: string, iova: string): object => ({
      op: 'bind',
      job,
      mode: 'async',
      ops: [
        { kind: 'map', iova, size: K4, bo: 'a' },
        { kind: 'unmap', iova, size: K4 },
      ],
    });
    const events = [
      domain({ driver: 'panthor' }),
      bo,
      bind('A', '0x0'),
      bind('B', '0x1000'),
      bind('C', '0x2000'),
      ...['A', 'B'].map((job) => ({ op: 'exec', job })),
    ];
    const offenders = await offendersOf(events);
    const jobs = offenders.filter(({ metric }) => metric === 'op.returned' || metric === 'tables.allocated');
    // C never ran: all that it held came back.
    const [reserved] = jobs.filter(({ metric, seq }) => metric === 'op.returned' && seq === 4);
    expect(jobs.map(brief)).toEqual([
      ['tables.allocated', 3, 2],
      ['op.returned', reserved.value, 3],
      ['op.returned', reserved.value, 4],
      ['op.returned', reserved.value - 3, 2],
    ]);
    expect(reserved).toMatchObject({ op: 'bind', line: 5, iova: '0x2000', size: 2 * K4, domain: 'd0' });
  });

  it('are those that the result lines tell, operations carried out at once or later', async () => {
    const traces = randomTraces({ jobs: 'none', destroys: true, maxLength: 60 });
    for (const options of [{}, { queue: QUEUE, allocator: allocator('reserve') }]) {
      await fc.assert(
        fc.asyncProperty(traces, async ({ events }) => {
          const [{ lines }] = await replayEach(events, [options], { events: true });
          const of = (metric: string, value: (line: (typeof lines)[number]) => unknown): unknown[] =>
            lines
              .map((line) => [metric, Number(value(line) ?? 0), Number(line['seq'])] as const)
              .filter(([, cost, seq]) => cost > 0 && events[seq].op !== 'domain')
              .sort((a, b) => b[1] - a[1] || a[2] - b[2])
              .slice(0, 10);
          const wanted = [
            ...of('tables.allocated', ({ allocs }) => allocs),
            ...of('op.returned', ({ returned }) => returned),
          ];
          const kept = (await offendersOf(events, options)).filter(({ metric }) => !/tlb|blocks/.test(metric));
          expect(kept.map(brief)).toEqual(wanted);
        }),
        { seed: 32, numRuns: 20, endOnFailure: true },
      );
    }
  });
});
