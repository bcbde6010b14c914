import { describe, expect, it } from 'vitest';
import { hasRecordings, recording } from '../read.ts';
import { accuracy, firstFit, infer, knownRequests } from './accuracy.ts';

describe.skipIf(!hasRecordings)('address spaces of recordings with the key hidden', () => {
  it.each(['kprobe-6.1-strict-4k', 'kprobe-6.12-strict-16k'])('%s', (name) => {
    const requests = knownRequests(recording(`${name}.txt.gz`));
    const start = performance.now();
    const { spaces, guess } = infer(requests);
    const ms = performance.now() - start;
    const ours = accuracy(requests, spaces);
    const first = accuracy(requests, firstFit(requests));
    console.log(
      `${name}: ${requests.length} requests; placed rightly: ours maps ${ours.maps} %, unmaps ${ours.unmaps} %, pairs ${ours.pairs} % in ${ours.spaces} spaces, ${guess.ambiguous} ambiguous; first fit maps ${first.maps} %, unmaps ${first.unmaps} %, pairs ${first.pairs} % in ${first.spaces}; ${((ms * 1e6) / requests.length).toFixed(0)} ns each`,
    );
    expect(ours.overlaps).toBe(0);
    expect(ours.pairs).toBeGreaterThan(99.9);
    expect(Math.min(ours.maps, ours.unmaps)).toBeGreaterThan(99.2);
    expect(first.pairs).toBeLessThan(96);
  });
});
