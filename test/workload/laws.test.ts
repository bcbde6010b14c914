import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fnv1a64 } from '../../src/base/hash.ts';
import { GPU_DRIVERS } from '../../src/base/vocabulary.ts';
import { decodeEvent } from '../../src/trace/ndjson/decode.ts';
import { generate, refusal } from '../../src/workload/generate.ts';
import { lineOf } from '../../src/workload/line.ts';
import { WORKLOADS } from '../../src/workload/registry.ts';
import { expectEqual, expectSame } from '../same.ts';
import { NaiveVm } from './naive-vm.ts';
import { eventsOf, linesOf, request } from './requests.ts';

/** Upper ends that keep a naive page map small; parameters that are not named go to their own maximum. */
const SMALL: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'sparse-textures': { textures: 6, size: 8, heap: 6, jobs: 40, ops: 40, depth: 12 },
  game: { textures: 8, meshes: 6, size: 6, frames: 20, swaps: 4, depth: 12 },
  browser: { buffers: 40, size: 600, jobs: 300, depth: 12 },
  video: { frames: 60, buffers: 6, depth: 12 },
  'vm-churn': { jobs: 120, ops: 6, range: 24, size: 12_000, buffers: 4, depth: 12 },
  fragmented: { buffers: 4, size: 8, jobs: 40, depth: 12 },
  'bind-storm': { jobs: 30, ops: 40, windows: 6, depth: 12 },
};

/** A workload with random parameters, as it is written on the command line. */
const anyWorkload = fc.constantFrom(...WORKLOADS).chain(({ name, parameters }) =>
  fc
    .tuple(
      ...parameters.map((p) =>
        fc.option(
          p.values === null
            ? fc.integer({ min: p.min ?? 0, max: SMALL[name][p.name] ?? p.max ?? 0 }).map(String)
            : fc.constantFrom(...p.values),
        ),
      ),
    )
    .map((values) =>
      // What is left to its default would be too large here.
      [name, ...parameters.map((p, i) => `${p.name}=${values[i] ?? lesser(name, p.name, p.initial)}`)].join(','),
    )
    // depth belongs to queues alone.
    .map((text) => (text.includes('mode=sync') ? text.replace(/,depth=\d+/, '') : text)),
);

function lesser(workload: string, parameter: string, initial: string): string {
  const most = SMALL[workload][parameter];
  return most !== undefined && Number(initial) > most ? String(most) : initial;
}

/** Small sizes of each workload, and what their bytes hash to: the same everywhere, and changed only on purpose. */
const BYTES: readonly (readonly [string, string])[] = [
  ['sparse-textures,textures=4,jobs=50', 'cd9a8f01b8c50bae'],
  ['game,textures=20,meshes=10,frames=50', 'cf68bfd4a029431b'],
  ['browser,jobs=500', 'efb962946660a628'],
  ['video,frames=100', '4f9dcbe66b2f2c61'],
  ['vm-churn,jobs=500', '28d0d8eb63a8df09'],
  ['fragmented,buffers=4,jobs=100', 'ed06886ab29d2a39'],
  ['bind-storm,jobs=40,ops=32', '7eedf71a65bc2e6f'],
];

describe('every workload', () => {
  it('keeps its promises over random parameters', () => {
    fc.assert(
      fc.property(
        anyWorkload,
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fc.constantFrom(...GPU_DRIVERS),
        (text, seed, driver) => {
          const explicit = !text.includes('mode=sync');
          const asked = request(text, { seed, driver, explicit });
          if (refusal(asked) !== null) return;
          const exact = asked.choice.name !== 'vm-churn' && asked.choice.name !== 'sparse-textures';
          const vm = new NaiveVm(exact, explicit);
          let nullMaps = 0;
          for (const event of generate(asked)) {
            const line = lineOf(event);
            expectSame(line, JSON.stringify(event));
            const decoded = decodeEvent(line);
            expectEqual(decoded, event);
            if (decoded.op === 'bind') nullMaps += decoded.ops.filter(({ kind }) => kind === 'map_null').length;
            vm.take(decoded);
          }
          vm.finish();
          if (driver === 'panthor' || driver === 'pvr') expect(nullMaps).toBe(0);
          if (explicit) {
            // One more than the depth while its bind is submitted.
            const depth = Number(asked.choice.parameters['depth']);
            expect(vm.mostWaiting).toBe(Math.min(depth + 1, vm.binds));
          }
        },
      ),
      { numRuns: 250, seed: 7 },
    );
  }, 60_000);

  it.each(WORKLOADS.map(({ name }) => name))(
    '%s differs between explicit and not in exec and cleanup alone',
    (name) => {
      const small = request(`${name},mode=async`);
      const steps = 'jobs' in Object.fromEntries(namesOf(name)) ? 'jobs=60' : 'frames=60';
      const text = `${small.choice.name},mode=async,${steps}`;
      const with_ = linesOf(text, { explicit: true }).slice(1);
      const without = linesOf(text).slice(1);
      const taken = with_.filter((line) => !line.startsWith('{"op":"exec"') && !line.startsWith('{"op":"cleanup"'));
      expect(taken).toEqual(without);
      const binds = without.filter((line) => line.startsWith('{"op":"bind"')).length;
      expect(with_.length - without.length).toBe(2 * binds);
    },
  );

  it.each(BYTES)('%s gives the same bytes everywhere', (text, hash) => {
    const digest = (seed: number): string => {
      const fnv = new Fnv1a64();
      for (const line of linesOf(text, { seed })) fnv.update(`${line}\n`);
      return fnv.digest();
    };
    expect(digest(1)).toBe(hash);
    expect(digest(1)).toBe(hash);
    // Beyond the line that names the seed.
    expect(linesOf(text, { seed: 2 }).slice(1)).not.toEqual(linesOf(text, { seed: 1 }).slice(1));
  });

  it.each(WORKLOADS.map(({ name }) => name))('%s has between 1,000 and 20,000 binds by default', (name) => {
    let binds = 0;
    for (const event of generate(request(name))) if (event.op === 'bind') binds++;
    expect(binds).toBeGreaterThanOrEqual(1000);
    expect(binds).toBeLessThanOrEqual(20_000);
  });

  it('tells in its first line how to make it again', () => {
    const text = 'game,swaps=02,frames=3,huge=90,mode=async,textures=5,depth=1';
    const [first, domain] = eventsOf(text, { seed: 9, driver: 'msm', explicit: true });
    expect(first).toMatchObject({
      op: 'trace',
      version: 1,
      // In the order of the declaration, without what is the default anyway.
      source: 'pgtrace gen game,textures=5,frames=3,depth=1 --seed 9 --driver msm --explicit',
      meta: { workload: 'game', seed: 9, parameters: { textures: 5, meshes: 200, swaps: 2, frames: 3, depth: 1 } },
    });
    expect(domain).toMatchObject({ op: 'domain', id: 'vm0', driver: 'msm', pgsizes: '0x1000', quirks: ['NO_WARN'] });
    const again = 'game,textures=5,frames=3,depth=1';
    const more = { seed: 9, driver: 'msm', explicit: true } as const;
    expect(linesOf(again, more)).toEqual(linesOf(text, more));
  });

  it.each(GPU_DRIVERS)('names driver %s', (driver) => {
    const [, domain] = eventsOf('video,frames=1', { driver });
    if (driver !== 'msm') {
      expect(domain).toEqual({
        op: 'domain',
        id: 'vm0',
        pgsizes: '0x201000',
        ias: 48,
        oas: 48,
        driver,
        resident: true,
      });
    }
  });

  it('holds none of a million operations', () => {
    // What is only waiting for the collector, of this file or of others before it, is not held.
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const held = (): number => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = held();
    let events = 0;
    let most = 0;
    for (const event of generate(request('browser,jobs=1000000'))) {
      if (event.op === 'bind' && ++events % 100_000 === 0) most = Math.max(most, held() - before);
    }
    expect(events).toBe(1_000_000);
    // Kept, they would be several hundred megabytes.
    expect(most).toBeLessThan(120 * 2 ** 20);
  }, 60_000);

  it('refuses to give more memory than there is', () => {
    const run = (): void => {
      for (const _ of generate(request('game,textures=4096,size=32,frames=100000,swaps=64,depth=100000'))) {
        // Only the end matters.
      }
    };
    expect(run).toThrow('1,016 GiB of physical memory');
  });
});

function namesOf(workload: string): [string, string][] {
  const kind = WORKLOADS.find(({ name }) => name === workload);
  return (kind?.parameters ?? []).map(({ name, initial }) => [name, initial]);
}
