import { describe, expect, it } from 'vitest';
import { WaitingRequests } from '../../../../src/trace/import/domains/waiting-requests.ts';
import { QuickRequest } from '../../../../src/trace/import/quick-request.ts';
import type { RecordedRequest } from '../../../../src/trace/import/request.ts';

const REQUEST: RecordedRequest = {
  event: { kind: 'iommu-unmap', name: null, iova: { hi: 0, lo: 4096 }, size: 4096, unmapped: 4096 },
  thread: '7',
  level: 0,
  cpu: 0,
  comm: '',
  line: 1,
  ts: 0,
  calls: null,
  device: null,
  direction: null,
  prot: null,
};

describe('waiting requests', () => {
  it('leave in their order, however many wait', () => {
    const waiting = new WaitingRequests();
    const line = new QuickRequest();
    const left: number[] = [];
    let added = 0;
    const add = (): void => {
      const request = { ...REQUEST, line: added };
      line.size = added;
      if (added % 3 === 0) waiting.add(request);
      else waiting.addQuick(line, added);
      added++;
    };
    const shift = (): void => {
      const { request, quick, line: number } = waiting.shift();
      if (request === null) expect(quick.size).toBe(number);
      left.push(request?.line ?? number);
    };
    // More come than leave, then fewer.
    for (let i = 0; i < 300; i++) {
      add();
      if (i % 3 === 2) shift();
    }
    while (left.length < added - 5) shift();
    for (let i = 0; i < 100; i++) {
      add();
      shift();
    }
    expect(waiting.count).toBe(400);
    expect(left).toEqual(Array.from({ length: 395 }, (_, i) => i));
  });
});
