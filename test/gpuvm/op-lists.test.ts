import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type GpuvaOp,
  madviseOps,
  mapLocks,
  mapOps,
  objectUnmapOps,
  prefetchOps,
  unmapLocks,
  unmapOps,
  type VmaPiece,
} from '../../src/gpuvm/op-lists.ts';
import {
  type MapRequest,
  type SplitSteps,
  splitForMadvise,
  splitForMap,
  splitForUnmap,
} from '../../src/gpuvm/split.ts';
import { NO_OBJECT, VmaSpace } from '../../src/gpuvm/vma-space.ts';

type Vma = readonly [start: number, end: number, object: number, offset: number];

const [A, B, C, D] = [0, 1, 2, 3];

function spaceOf(vmas: readonly Vma[]): VmaSpace {
  const space = new VmaSpace();
  for (const [start, end, object, offset] of vmas) space.add(start, end, object, offset, 0);
  return space;
}

function contents(space: VmaSpace): Vma[] {
  return [...space].map((vma) => [space.start[vma], space.end[vma], space.object[vma], space.offset[vma]]);
}

/** A piece as the tables write it: [2,4)@9. */
const pieceText = (piece: VmaPiece | null): string =>
  piece === null ? '∅' : `[${piece.start},${piece.start + piece.size})@${piece.offset}`;

/** A list as the tables write it: U, R(prev / next) and M, `keep` where an entry may stay. */
function listText(space: VmaSpace, ops: readonly GpuvaOp[]): string {
  const text = (op: GpuvaOp): string => {
    if (op.op === 'map') return `M[${op.start},${op.start + op.size})`;
    if (op.op === 'remap') return `R(${pieceText(op.prev)} / ${pieceText(op.next)})${op.keep ? ' keep' : ''}`;
    const vma = `[${space.start[op.vma]},${space.end[op.vma]})`;
    return op.op === 'prefetch' ? `P${vma}` : `U${vma}${op.keep ? 'keep' : ''}`;
  };
  return ops.map(text).join(', ');
}

/** The callbacks' steps in the same words, read from the space that they are about to change. */
function stepsText(space: VmaSpace, split: (steps: SplitSteps) => void): string {
  const ops: GpuvaOp[] = [];
  const piece = (vma: number, start: number, end: number): VmaPiece | null => {
    const offset = space.offset[vma] + start - space.start[vma];
    return start < end ? { start, size: end - start, object: space.object[vma], offset } : null;
  };
  split({
    unmap: (vma, keep) => ops.push({ op: 'unmap', vma, keep }),
    remap: (vma, from, to, keep) => {
      const [prev, next] = [piece(vma, space.start[vma], from), piece(vma, to, space.end[vma])];
      ops.push({ op: 'remap', vma, prev, next, hole: { start: from, size: to - from }, keep });
    },
    map: (start, end, object, offset) => ops.push({ op: 'map', start, size: end - start, object, offset }),
  });
  return listText(space, ops);
}

const MAPS: readonly (readonly [name: string, vmas: readonly Vma[], request: Vma, steps: string])[] = [
  ['nothing there', [], [0, 4, A, 0], 'M[0,4)'],
  ['the same again', [[0, 4, A, 0]], [0, 4, A, 0], 'U[0,4)keep, M[0,4)'],
  ['another object', [[0, 4, A, 0]], [0, 4, B, 0], 'U[0,4), M[0,4)'],
  ['over the end', [[0, 1, A, 0]], [0, 2, A, 0], 'U[0,1)keep, M[0,2)'],
  ['the first half', [[0, 4, A, 0]], [0, 2, B, 9], 'R(∅ / [2,4)@2), M[0,2)'],
  ['the second half', [[0, 4, A, 0]], [2, 4, A, 2], 'R([0,2)@0 / ∅) keep, M[2,4)'],
  ['half and beyond', [[0, 4, A, 0]], [2, 6, B, 0], 'R([0,2)@0 / ∅), M[2,6)'],
  ['the middle', [[0, 8, A, 5]], [2, 4, B, 0], 'R([0,2)@5 / [4,8)@9), M[2,4)'],
  ['from before', [[2, 4, A, 0]], [0, 4, B, 0], 'U[2,4), M[0,4)'],
  [
    'two whole ones',
    [
      [1, 2, A, 1],
      [3, 4, A, 3],
    ],
    [0, 6, A, 0],
    'U[1,2)keep, U[3,4)keep, M[0,6)',
  ],
  ['from before into', [[2, 8, A, 0]], [0, 4, B, 0], 'R(∅ / [4,8)@2), M[0,4)'],
  [
    'three',
    [
      [0, 4, A, 0],
      [4, 8, B, 0],
      [8, 12, C, 0],
    ],
    [2, 10, D, 0],
    'R([0,2)@0 / ∅), U[4,8), R(∅ / [10,12)@2), M[2,10)',
  ],
  ['touching', [[4, 8, A, 0]], [0, 4, B, 0], 'M[0,4)'],
];

/** The table of relations of an existing [A,E) and a request [R,Q), a line each where `keep` is true and false. */
const RELATIONS: readonly (readonly [name: string, existing: Vma, request: Vma, step: string])[] = [
  ['1', [4, 8, A, 3], [4, 8, A, 3], 'U[4,8)keep'],
  ['1, other offset', [4, 8, A, 3], [4, 8, A, 4], 'U[4,8)'],
  ['1, no object', [4, 8, NO_OBJECT, 0], [4, 8, NO_OBJECT, 0], 'U[4,8)'],
  ['2', [4, 6, A, 3], [4, 8, A, 3], 'U[4,6)keep'],
  ['2, other offset', [4, 6, A, 3], [4, 8, A, 2], 'U[4,6)'],
  ['3', [4, 9, A, 3], [4, 8, A, 3], 'R(∅ / [8,9)@7) keep'],
  ['3, other object', [4, 9, A, 3], [4, 8, B, 3], 'R(∅ / [8,9)@7)'],
  ['4', [2, 8, A, 1], [4, 8, A, 3], 'R([2,4)@1 / ∅) keep'],
  ['4, other offset', [2, 8, A, 1], [4, 8, A, 1], 'R([2,4)@1 / ∅)'],
  ['5', [2, 6, A, 1], [4, 8, A, 3], 'R([2,4)@1 / ∅) keep'],
  ['5, other object', [2, 6, A, 1], [4, 8, B, 3], 'R([2,4)@1 / ∅)'],
  ['6', [2, 9, A, 1], [4, 8, A, 3], 'R([2,4)@1 / [8,9)@7) keep'],
  ['6, other offset', [2, 9, A, 1], [4, 8, A, 0], 'R([2,4)@1 / [8,9)@7)'],
  ['7', [5, 8, A, 4], [4, 8, A, 3], 'U[5,8)keep'],
  ['7, other offset', [5, 8, A, 3], [4, 8, A, 3], 'U[5,8)'],
  ['8', [5, 7, A, 4], [4, 8, A, 3], 'U[5,7)keep'],
  ['8, other object', [5, 7, A, 4], [4, 8, C, 3], 'U[5,7)'],
  ['9', [5, 9, A, 4], [4, 8, A, 3], 'R(∅ / [8,9)@7) keep'],
  ['9, other offset', [5, 9, A, 0], [4, 8, A, 3], 'R(∅ / [8,9)@3)'],
];

const UNMAPS: readonly (readonly [vmas: readonly Vma[], start: number, end: number, steps: string])[] = [
  [[[0, 8, A, 0]], 2, 4, 'R([0,2)@0 / [4,8)@4)'],
  [
    [
      [0, 4, A, 0],
      [4, 8, B, 0],
    ],
    2,
    6,
    'R([0,2)@0 / ∅), R(∅ / [6,8)@2)',
  ],
  [[[0, 4, A, 0]], 0, 8, 'U[0,4)'],
  [[[0, 4, A, 0]], 4, 8, ''],
];

const asked = ([start, end, object, offset]: Vma): MapRequest => ({ start, end, object, offset });

describe('steps of a map, by callbacks and as a list', () => {
  it.each([...MAPS])('%s', (_, vmas, request, steps) => {
    const space = spaceOf(vmas);
    expect(listText(space, mapOps(space, asked(request)))).toBe(steps);
    expect(stepsText(space, (to) => splitForMap(space, asked(request), to))).toBe(steps);
  });

  it.each([...RELATIONS])('relation %s', (_, existing, request, step) => {
    const space = spaceOf([existing]);
    const steps = `${step}, M[4,8)`;
    expect(listText(space, mapOps(space, asked(request)))).toBe(steps);
    expect(stepsText(space, (to) => splitForMap(space, asked(request), to))).toBe(steps);
  });

  it('relation 10: touching on both sides is no overlap', () => {
    const space = spaceOf([
      [2, 4, A, 0],
      [8, 9, A, 0],
    ]);
    expect(listText(space, mapOps(space, asked([4, 8, A, 2])))).toBe('M[4,8)');
  });
});

describe('steps of an unmap, by callbacks and as a list', () => {
  it.each([...UNMAPS])('%j - [%d,%d)', (vmas, start, end, steps) => {
    const space = spaceOf(vmas);
    expect(listText(space, unmapOps(space, start, end))).toBe(steps);
    expect(stepsText(space, (to) => splitForUnmap(space, start, end, to))).toBe(steps);
  });
});

describe('the hole of a remap', () => {
  it.each([
    [0, 3, 0, 3],
    [3, 5, 3, 2],
    [5, 9, 5, 3],
    [3, 8, 3, 5],
  ])('of [0,8) without [%d,%d) is %d and %d long', (start, end, from, size) => {
    const [op] = unmapOps(spaceOf([[0, 8, A, 0]]), start, end);
    expect(op).toMatchObject({ op: 'remap', hole: { start: from, size } });
  });
});

describe('other lists', () => {
  const vmas: Vma[] = [
    [0, 4, A, 0],
    [4, 8, NO_OBJECT, 0],
    [10, 12, B, 0],
    [12, 16, A, 8],
  ];

  it('prefetch every VMA met, whole', () => {
    const space = spaceOf(vmas);
    expect(listText(space, prefetchOps(space, 2, 11))).toBe('P[0,4), P[4,8), P[10,12)');
    expect(prefetchOps(space, 8, 10)).toEqual([]);
  });

  it("unmap an object's VMAs in the order in which they came", () => {
    const space = spaceOf(vmas);
    expect(listText(space, objectUnmapOps(space, A))).toBe('U[0,4), U[12,16)');
    const [first] = space;
    space.remove(first);
    space.add(0, 2, A, 0, 0);
    expect(listText(space, objectUnmapOps(space, A))).toBe('U[12,16), U[0,2)');
    expect(objectUnmapOps(space, C)).toEqual([]);
    expect(objectUnmapOps(space, NO_OBJECT)).toEqual([]);
  });

  it("lock the request's object first, then those met, each once", () => {
    const space = spaceOf(vmas);
    expect(mapLocks(space, asked([2, 14, C, 0]))).toEqual([C, A, B]);
    expect(mapLocks(space, asked([2, 14, B, 0]))).toEqual([B, A]);
    expect(mapLocks(space, asked([2, 14, NO_OBJECT, 0]))).toEqual([A, B]);
    expect(mapLocks(space, asked([8, 10, C, 0]))).toEqual([C]);
    expect(unmapLocks(space, 4, 13)).toEqual([B, A]);
    expect(unmapLocks(space, 4, 8)).toEqual([]);
  });
});

interface Vector {
  readonly seq: number;
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

const nameOf = (object: number): number | null => (object === NO_OBJECT ? null : object);

/** An operation as the vectors write it. */
function recorded(space: VmaSpace, op: GpuvaOp): object {
  const piece = (one: VmaPiece | null): unknown => one && [one.start, one.size, nameOf(one.object), one.offset];
  if (op.op === 'map') return { op: 'map', start: op.start, range: op.size, obj: nameOf(op.object), offset: op.offset };
  const va = [space.start[op.vma], space.end[op.vma]];
  if (op.op === 'remap') return { op: 'remap', va, prev: piece(op.prev), next: piece(op.next), keep: op.keep };
  return { op: op.op, va, ...(op.op === 'unmap' && { keep: op.keep }) };
}

describe('lists', () => {
  it.each([
    ['steps', 2000],
    ['nullobj', 3000],
    ['madvise', 3000],
  ])("are drm_gpuvm's own, and leave the space alone: %s", (name, count) => {
    const file = readFileSync(new URL(`../golden/gpuvm/${name}.ndjson.gz`, import.meta.url));
    const lines = gunzipSync(file).toString().trimEnd().split('\n');
    expect(lines.length).toBe(count);
    for (const line of lines) {
      const { seq, vmas, request, steps } = JSON.parse(line) as Vector;
      const space = spaceOf(vmas.map(([start, end, object, offset]) => [start, end, object ?? NO_OBJECT, offset]));
      const before = contents(space);
      const end = request.start + request.range;
      const wanted = asked([request.start, end, request.obj ?? NO_OBJECT, request.offset ?? 0]);
      const ops =
        request.kind === 'map'
          ? mapOps(space, wanted)
          : request.kind === 'unmap'
            ? unmapOps(space, request.start, end)
            : madviseOps(space, wanted);
      expect(
        ops.map((op) => recorded(space, op)),
        `vector ${seq}`,
      ).toEqual(steps);
      expect(contents(space)).toEqual(before);
    }
  });

  it('applied one by one do what callbacks do', () => {
    const request = fc.record({
      kind: fc.constantFrom('map', 'map', 'unmap', 'madvise'),
      start: fc.nat(60),
      pages: fc.integer({ min: 1, max: 25 }),
      object: fc.integer({ min: NO_OBJECT, max: 3 }),
      offset: fc.nat(8),
    });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 60 }), (requests) => {
        const called = new VmaSpace();
        const listed = new VmaSpace();
        for (const { kind, start, pages, object, offset } of requests) {
          const wanted = { start, end: start + pages, object, offset };
          const steps = applying(called);
          const before = contents(listed);
          if (kind === 'map') splitForMap(called, wanted, steps);
          else if (kind === 'unmap') splitForUnmap(called, start, wanted.end, steps);
          else splitForMadvise(called, wanted, steps);
          const ops =
            kind === 'map'
              ? mapOps(listed, wanted)
              : kind === 'unmap'
                ? unmapOps(listed, start, wanted.end)
                : madviseOps(listed, wanted);
          expect(contents(listed)).toEqual(before);
          for (const op of ops) apply(listed, op);
          expect(contents(listed)).toEqual(contents(called));
        }
      }),
      { seed: 7, numRuns: 200 },
    );
  });
});

/** Callbacks that change the space as a driver's do. */
function applying(space: VmaSpace): SplitSteps {
  return {
    unmap: (vma) => space.remove(vma),
    remap: (vma, from, to) => {
      const [start, end] = [space.start[vma], space.end[vma]];
      const [object, offset] = [space.object[vma], space.offset[vma]];
      space.remove(vma);
      if (start < from) space.add(start, from, object, offset, 0);
      if (to < end) space.add(to, end, object, offset + (to - start), 0);
    },
    map: (start, end, object, offset) => {
      space.add(start, end, object, offset, 0);
    },
  };
}

function apply(space: VmaSpace, op: GpuvaOp): void {
  if (op.op === 'prefetch') return;
  if (op.op !== 'map') space.remove(op.vma);
  const pieces = op.op === 'map' ? [op] : op.op === 'remap' ? [op.prev, op.next] : [];
  for (const piece of pieces)
    if (piece) space.add(piece.start, piece.start + piece.size, piece.object, piece.offset, 0);
}
