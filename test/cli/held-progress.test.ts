import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run } from '../../src/cli.ts';
import { FakeIo } from './fake-io.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A bind whose job runs nobody knows when, and many events behind it, in two pieces. */
function* pieces(): Generator<Uint8Array> {
  const bo = '{"op":"bo","id":"b","size":4096,"segments":[{"paddr":"0x0","size":4096}]}\n';
  const bind = '{"op":"bind","job":1,"mode":"async","ops":[{"kind":"map","iova":"0x0","size":4096,"bo":"b"}]}\n';
  yield Buffer.from(`{"op":"domain","id":"d"}\n${bo}${bind}${'{"op":"iova_to_phys","iova":"0x0"}\n'.repeat(20_000)}`);
  vi.advanceTimersByTime(2000);
  yield Buffer.from('{"op":"iova_to_phys","iova":"0x0"}\n'.repeat(20_000));
}

describe('the progress of a replay', () => {
  it('tells what has been read while asynchronous jobs hold it back', async () => {
    const io = new FakeIo({ stdin: pieces(), terminal: { columns: 80, colors: false } });
    expect(await run(['replay', '-'], io)).toBe(0);
    expect(io.stderr.text).toMatch(/\r\x1b\[K[\d,]{5,} events read, 0 replayed, [\d,]+ events\/s/);
    expect(io.stderr.text).not.toMatch(/\b0 events,/);
  });
});
