/** Parts of traces that can be replayed, and events made smaller, under questions of our own. */
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { HeldTrace } from '../../src/reduce/held-trace.ts';
import { reduceTrace } from '../../src/reduce/reduce.ts';
import { Structure } from '../../src/reduce/structure.ts';
import type { BindEvent, Event } from '../../src/trace/events.ts';
import { openTrace } from '../../src/trace/open.ts';

async function held(events: readonly object[]): Promise<HeldTrace> {
  const text = events.map((event) => `${JSON.stringify(event)}\n`).join('');
  const reader = await openTrace('-', Readable.from([Buffer.from(text)]), { lenient: false, layer: null });
  const trace = new HeldTrace(reader);
  const outcome = await reader.read((batch) => {
    trace.hold(batch);
    return true;
  });
  if (outcome.error !== null) throw outcome.error;
  return trace;
}

const map = (iova: string, more: object = {}): object => ({ op: 'map', iova, paddr: '0x0', size: 4096, ...more });
const bo = (id: string, pieces = 1): object => ({
  op: 'bo',
  id,
  size: pieces * 4096,
  segments: Array.from({ length: pieces }, (_, i) => ({ paddr: `0x${((i + 1) * 0x10000).toString(16)}`, size: 4096 })),
});
const bind = (job: number, ...bos: string[]): object => ({
  op: 'bind',
  domain: 'g',
  job,
  mode: 'async',
  ops: bos.map((id, i) => ({ kind: 'map', iova: `0x${((i + 1) * 0x200000).toString(16)}`, size: 4096, bo: id })),
});

describe('a held trace', () => {
  it('gives back every event as it was, also beyond one batch', async () => {
    const events: object[] = [];
    for (let i = 0; i < 20_000; i++) {
      events.push(
        i % 500 === 0 ? bo(`b${i}`) : map(`0x${(i * 4096).toString(16)}`, { domain: `d${i % 3}`, ts: i, thread: 't' }),
      );
    }
    const trace = await held(events);
    expect(trace.length).toBe(20_000);
    const some = [0, 1, 499, 500, 8191, 8192, 16_500, 19_999];
    expect(trace.events(some)).toEqual(some.map((i) => events[i]));
    expect(trace.events(Array.from({ length: 20_000 }, (_, i) => i))).toEqual(events);
  });
});

describe('the structure of a trace', () => {
  it('adds what events cannot be replayed without, and nothing else', async () => {
    const trace = await held([
      { op: 'trace', version: 1 },
      { op: 'domain', id: 'a' },
      { op: 'domain', id: 'g' },
      bo('x'),
      bo('y'),
      bo('x'),
      map('0x1000', { domain: 'a' }),
      bind(1, 'x', 'y'),
      bind(2, 'x'),
      { op: 'exec', domain: 'g', job: 1 },
    ]);
    const structure = new Structure(trace);
    expect(structure.own).toEqual([6, 7, 8, 9]);
    expect(structure.withNeeds([6])).toEqual([0, 1, 6]);
    // The object as it was last before the bind.
    expect(structure.withNeeds([8])).toEqual([0, 2, 5, 8]);
    expect(structure.withNeeds([7])).toEqual([0, 2, 4, 5, 7]);
    expect(structure.byUnit(structure.own)).toEqual([[6], [7, 9], [8]]);
    expect(structure.byDomain(structure.own)).toEqual([[6], [7, 8, 9]]);
  });

  it('ends an address space before it is declared again', async () => {
    const life = [{ op: 'domain', id: 'a' }, map('0x1000', { domain: 'a' }), { op: 'destroy', domain: 'a' }];
    const structure = new Structure(await held([...life, ...life, ...life]));
    expect(structure.withNeeds([7])).toEqual([6, 7]);
    expect(structure.withNeeds([1, 7])).toEqual([0, 1, 5, 6, 7]);
  });

  it('brings the only address space along for events that name none', async () => {
    const structure = new Structure(await held([{ op: 'domain', id: 'only' }, map('0x1000'), bo('x'), map('0x2000')]));
    expect(structure.withNeeds([3])).toEqual([0, 3]);
  });

  it('puts a job, a reservation and a reader together, and what is near with what is near', async () => {
    const structure = new Structure(
      await held([
        { op: 'reserve', id: 'r', iova: '0x0', size: 4096 },
        { op: 'rcu_read', id: 'q', phase: 'begin' },
        map('0x1000'),
        map('0x200000'),
        map('0x3ff000'),
        { op: 'unreserve', id: 'r' },
        { op: 'rcu_read', id: 'q', phase: 'end' },
      ]),
    );
    expect(structure.byUnit(structure.own)).toEqual([[0, 5], [1, 6], [2], [3], [4]]);
    expect(structure.byBlock(structure.own)).toEqual([
      [0, 2, 5],
      [1, 6],
      [3, 4],
    ]);
  });
});

/** Reduces under a question about events, and counts the trials. */
async function reduce(
  events: readonly object[],
  shows: (events: readonly Event[]) => boolean,
  most = 10_000,
): Promise<{ events: readonly Event[]; trials: number }> {
  const trace = await held(events);
  let trials = 0;
  const ask = (some: readonly Event[]): Promise<boolean> => {
    trials++;
    return Promise.resolve(shows(some));
  };
  const result = await reduceTrace(
    trace,
    {
      trials: {
        get goOn(): boolean {
          return trials < most;
        },
      },
      part: (indices) => ask(trace.events(indices)),
      events: ask,
      left: () => {},
    },
    null,
  );
  return { events: result, trials };
}

describe('reducing', () => {
  it('makes operations, pieces, sizes, counts and fields as few as will do', async () => {
    const events = [
      { op: 'trace', version: 1, source: 'here', kernel: '6.12' },
      { op: 'domain', id: 'g', ias: 40, oas: 40 },
      bo('x', 6),
      bo('y', 2),
      bind(1, 'x', 'y', 'x'),
      { op: 'map_pages', domain: 'g', iova: '0x40000000', paddr: '0x0', pgsize: 4096, pgcount: 300, prot: 'rw', ts: 5 },
      map('0x5000', { domain: 'g', size: 2 ** 30, thread: 'a', queue: 'b', end: 9, comment: 'gone' }),
    ];
    const result = await reduce(events, (some) => {
      const job = some.find((event): event is BindEvent => event.op === 'bind');
      const raw = some.find((event) => event.op === 'map_pages');
      const large = some.find((event) => event.op === 'map');
      const hasY =
        job?.ops.some(({ bo: id }) => id === 'y') === true && some.some((e) => e.op === 'bo' && e.id === 'y');
      return hasY && raw !== undefined && raw.pgcount >= 70 && large !== undefined && large.size >= 2 ** 20;
    });
    expect(result.events).toEqual([
      { op: 'bo', id: 'y', size: 4096, segments: [{ paddr: '0x10000', size: 4096 }] },
      { op: 'bind', job: 1, mode: 'async', ops: [{ kind: 'map', iova: '0x400000', size: 4096, bo: 'y' }] },
      { op: 'map_pages', iova: '0x40000000', paddr: '0x0', pgsize: 4096, pgcount: 75 },
      { op: 'map', iova: '0x5000', paddr: '0x0', size: 2 ** 20 },
    ]);
  });

  it('never asks about an event that is none', async () => {
    let wrong = 0;
    const { events } = await reduce([bo('x'), bind(1, 'x'), map('0x1000')], (some) => {
      for (const event of some)
        if (event.op === 'bind' && event.ops.length > 0 && event.ops[0].kind === 'map' && event.ops[0].bo === undefined)
          wrong++;
      return some.some(({ op }) => op === 'bind');
    });
    expect(wrong).toBe(0);
    expect(events.map(({ op }) => op)).toEqual(['bind']);
  });

  it('finds what it looks for also where events need each other in ways of their own', async () => {
    // The question wants an object that nobody uses.
    const events = [
      bo('x'),
      bo('y'),
      bo('z'),
      ...Array.from({ length: 50 }, (_, i) => map(`0x${(i * 4096).toString(16)}`)),
    ];
    const { events: left } = await reduce(
      events,
      (some) => some.some((event) => event.op === 'bo' && event.id === 'y') && some.some(({ op }) => op === 'map'),
    );
    expect(left.map(({ op }) => op)).toEqual(['bo', 'map']);
  });

  it('stops when it may try no more', async () => {
    const events = Array.from({ length: 3000 }, (_, i) => map(`0x${(i * 0x300000).toString(16)}`));
    const { events: left, trials } = await reduce(events, (some) => some.length >= 700, 30);
    expect(trials).toBe(30);
    expect(left.length).toBeGreaterThanOrEqual(700);
    expect(left.length).toBeLessThan(3000);
  });
});
