/** Objects that nothing names any more are forgotten; the others keep the layout that they were mapped with. */
import { expect, it } from 'vitest';
import { BufferObjects } from '../../src/gpuvm/buffer-object.ts';
import type { BoEvent } from '../../src/trace/events.ts';
import { replayEvents } from './run.ts';

const M2 = 2 ** 21;
const G4 = 2 ** 32;
const hex = (value: number): `0x${string}` => `0x${value.toString(16)}`;

function bo(id: string, paddr: number): BoEvent {
  return { op: 'bo', id, size: M2, segments: [{ paddr: hex(paddr), size: M2 }], folio: M2 };
}

const map = (at: number): object => ({ kind: 'map', iova: hex(at), size: M2, bo: 'a' });

it.each(['panthor', 'msm', 'pvr', 'nouveau', 'xe'])(
  'however often %s is given another object of the same name',
  async (driver) => {
    const many = Array.from({ length: 20_000 }, (_, i) => bo('a', 2 ** 40 + i * M2));
    const { replayer, lines } = await replayEvents([
      { op: 'domain', id: 'vm', driver },
      bo('a', 2 ** 36),
      { op: 'bind', job: 0, mode: 'sync', ops: [map(G4)] },
      bo('a', 2 ** 37),
      { op: 'bind', job: 1, mode: 'async', ops: [map(G4 + M2)] },
      ...many,
      { op: 'exec', job: 1 },
      { op: 'cleanup', job: 1 },
      ...many,
      // What stays of the first is mapped anew, from where it lay.
      { op: 'bind', job: 2, mode: 'sync', ops: [{ kind: 'unmap', iova: hex(G4 + 4096), size: 4096 }] },
      { op: 'bind', job: 3, mode: 'sync', ops: [map(G4 + 2 * M2)] },
    ]);
    const [{ gpu }] = replayer.spaces;
    const hole = driver === 'pvr' ? 2 ** 36 + 4096 : -1;
    expect([0, 4096, 8192, M2, 2 * M2 - 4096, 2 * M2].map((at) => gpu?.translate(G4 + at))).toEqual([
      2 ** 36,
      hole,
      2 ** 36 + 8192,
      2 ** 37,
      2 ** 37 + M2 - 4096,
      2 ** 40 + 19_999 * M2,
    ]);
    expect(lines.length).toBeGreaterThan(40_000);
  },
);

it('numbers of objects that are needed are not given to others', () => {
  const objects = new BufferObjects();
  for (let i = 0; i < 5000; i++) objects.declare(bo(`${i % 10}`, i * M2));
  expect(objects.sweepDue).toBe(true);
  objects.sweep(new Set([3, 77]));
  expect(objects.sweepDue).toBe(false);
  expect([objects.all[3].paddrs[0], objects.all[77].paddrs[0], objects.all[78].backing]).toEqual([3 * M2, 77 * M2, 0]);
  expect(objects.get('4')?.paddrs[0]).toBe(4994 * M2);
  for (let i = 0; i < 4000; i++) objects.declare(bo('again', i * M2));
  expect(objects.all.length).toBe(5000);
  for (const index of [3, 77]) expect(objects.all[index].paddrs[0]).toBe(index * M2);
  for (const [index, object] of objects.all.entries()) expect(object.index).toBe(index);
});
