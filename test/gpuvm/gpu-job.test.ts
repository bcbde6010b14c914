import fc from 'fast-check';
import { expect, it } from 'vitest';
import { GPU_MAP, GPU_SYNC_ONLY, GpuJob, type GpuOp } from '../../src/gpuvm/gpu-job.ts';

const op = fc.record({ start: fc.nat(40), size: fc.nat(6), sync: fc.integer({ min: 0, max: 9 }) }).map(
  ({ start, size, sync }): GpuOp => ({
    kind: sync === 0 ? GPU_SYNC_ONLY : GPU_MAP,
    start: start * 4096,
    size: size * 4096,
    object: null,
    offset: 0,
    flags: 0,
    aligned: true,
  }),
);

it('a job meets a range when one of its operations has a byte of it', () => {
  let met = 0;
  fc.assert(
    fc.property(fc.array(op, { maxLength: 12 }), fc.nat(46), fc.integer({ min: 1, max: 5 }), (ops, at, pages) => {
      const start = at * 4096;
      const end = start + pages * 4096;
      const wanted = ops.some(
        (one) => one.kind !== GPU_SYNC_ONLY && one.size > 0 && one.start < end && start < one.start + one.size,
      );
      if (wanted) met++;
      expect(new GpuJob('j', false, ops, 0, 0).meets(start, end)).toBe(wanted);
    }),
    { seed: 41, numRuns: 2000 },
  );
  expect(met).toBeGreaterThan(500);
});
