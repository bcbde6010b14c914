import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type SplitSteps, splitForMadvise, splitForMap, splitForUnmap } from '../../src/gpuvm/split.ts';
import { NO_OBJECT, VmaSpace } from '../../src/gpuvm/vma-space.ts';

interface Vector {
  readonly seq: number;
  /** Start, end, object, offset, in pages. */
  readonly vmas: readonly (readonly [number, number, number | null, number])[];
  readonly request: {
    readonly kind: 'map' | 'unmap' | 'madvise';
    readonly start: number;
    readonly range: number;
    readonly obj?: number | null;
    readonly offset?: number;
  };
  readonly steps: readonly object[];
}

function vectors(name: string): Vector[] {
  const file = readFileSync(new URL(`../golden/gpuvm/${name}.ndjson.gz`, import.meta.url));
  return gunzipSync(file)
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Vector);
}

const idOf = (object: number | null | undefined): number => object ?? NO_OBJECT;
const nameOf = (object: number): number | null => (object === NO_OBJECT ? null : object);

/** The steps as the vectors write them. */
function recorder(space: VmaSpace, out: object[]): SplitSteps {
  const piece = (vma: number, start: number, end: number): readonly (number | null)[] | null =>
    start === end
      ? null
      : [start, end - start, nameOf(space.object[vma]), space.offset[vma] + (start - space.start[vma])];
  return {
    unmap: (vma, keep) => out.push({ op: 'unmap', va: [space.start[vma], space.end[vma]], keep }),
    remap: (vma, from, to, keep) =>
      out.push({
        op: 'remap',
        va: [space.start[vma], space.end[vma]],
        prev: piece(vma, space.start[vma], from),
        next: piece(vma, to, space.end[vma]),
        keep,
      }),
    map: (start, end, object, offset) =>
      out.push({ op: 'map', start, range: end - start, obj: nameOf(object), offset }),
  };
}

describe('splits of GPUVM requests', () => {
  it.each([
    ['steps', 2000],
    ['nullobj', 3000],
    ['madvise', 3000],
  ])("are drm_gpuvm's own: %s", (name, count) => {
    const all = vectors(name);
    expect(all.length).toBe(count);
    for (const { seq, vmas, request, steps } of all) {
      const space = new VmaSpace();
      for (const [start, end, object, offset] of vmas) space.add(start, end, idOf(object), offset, 0);
      const out: object[] = [];
      const { kind, start, range } = request;
      const end = start + range;
      const asked = { start, end, object: idOf(request.obj), offset: request.offset ?? 0 };
      if (kind === 'map') splitForMap(space, asked, recorder(space, out));
      else if (kind === 'unmap') splitForUnmap(space, start, end, recorder(space, out));
      else splitForMadvise(space, asked, recorder(space, out));
      expect(out, `vector ${seq}`).toEqual(steps);
    }
  });
});
