import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Progress, timeLeft } from '../../src/commands/process/progress.ts';
import { FakeStream } from './fake-io.ts';

const TERMINAL = { columns: 80, colors: false };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('progress', () => {
  /** A file of 1000 bytes, or an input of unknown length. */
  function reading(size: number | null, terminal: typeof TERMINAL | null = TERMINAL, quiet = false) {
    const stream = new FakeStream(terminal ?? undefined);
    const read = { size, at: 0, position: () => read.at };
    return { stream, read, progress: new Progress(stream, read, quiet) };
  }

  it('tells of a file what part was read, how fast, and the time left', () => {
    const { stream, read, progress } = reading(1000);
    vi.advanceTimersByTime(4000);
    read.at = 250;
    progress.update(8_000_000);
    expect(stream.text).toBe('\r\x1b[K25 %, 8,000,000 events, 2,000,000 events/s, 12 s left');
    vi.advanceTimersByTime(4000);
    read.at = 999;
    progress.update(16_000_000);
    expect(stream.text.split('\r\x1b[K').at(-1)).toBe('99 %, 16,000,000 events, 2,000,000 events/s, 0 s left');
    progress.done();
    expect(stream.text.endsWith('\r\x1b[K')).toBe(true);
  });

  it('tells of a pipe how much it has read and how fast', () => {
    const { stream, read, progress } = reading(null);
    vi.advanceTimersByTime(2000);
    read.at = 250;
    progress.update(3000);
    expect(stream.text).toBe('\r\x1b[K3,000 events, 1,500 events/s');
  });

  it('foretells nothing from the first hundredth, and no time below none for a file that has grown', () => {
    const { stream, read, progress } = reading(1000);
    vi.advanceTimersByTime(1000);
    read.at = 9;
    progress.update(20);
    expect(stream.text).toBe('\r\x1b[K0 %, 20 events, 20 events/s');
    vi.advanceTimersByTime(1000);
    read.at = 10;
    progress.update(40);
    expect(stream.text.split('\r\x1b[K').at(-1)).toBe('1 %, 40 events, 20 events/s, 3 min left');
    vi.advanceTimersByTime(1000);
    read.at = 3000;
    progress.update(600);
    expect(stream.text.split('\r\x1b[K').at(-1)).toBe('100 %, 600 events, 200 events/s, 0 s left');
  });

  it('tells what has been read where events are held back, and foretells nothing then', () => {
    const { stream, read, progress } = reading(1000);
    vi.advanceTimersByTime(2000);
    read.at = 500;
    progress.update(0, 250_000);
    expect(stream.text).toBe('\r\x1b[K50 %, 250,000 events read, 0 replayed, 125,000 events/s');
    vi.advanceTimersByTime(2000);
    read.at = 1000;
    progress.update(250_000, 500_000);
    expect(stream.text.split('\r\x1b[K').at(-1)).toBe('100 %, 500,000 events read, 250,000 replayed, 125,000 events/s');
    vi.advanceTimersByTime(1000);
    progress.update(500_000, 500_000);
    expect(stream.text.split('\r\x1b[K').at(-1)).toBe('100 %, 500,000 events, 100,000 events/s, 0 s left');
  });

  it('waits half a second, and then five times a second at most', () => {
    const { stream, read, progress } = reading(1000);
    read.at = 1;
    const shown = (milliseconds: number): number => {
      vi.advanceTimersByTime(milliseconds);
      progress.update(1);
      return stream.text.split('\r\x1b[K').length - 1;
    };
    expect([shown(499), shown(1), shown(199), shown(1), shown(50), shown(149), shown(1)]).toEqual([
      0, 1, 1, 2, 2, 2, 3,
    ]);
  });

  it.each([
    ['off a terminal', null, false],
    ['when asked to be quiet', TERMINAL, true],
  ] as const)('is silent %s', (_, terminal, quiet) => {
    const { stream, read, progress } = reading(1000, terminal, quiet);
    vi.advanceTimersByTime(5000);
    read.at = 500;
    progress.update(100);
    progress.done();
    expect(stream.text).toBe('');
  });
});

describe('time left', () => {
  it.each([
    [0, '0 s left'],
    [0.4, '0 s left'],
    [0.5, '1 s left'],
    [12.3, '12 s left'],
    [99.4, '99 s left'],
    [99.5, '2 min left'],
    [150, '3 min left'],
    [5969, '99 min left'],
    [5970, '1 h 40 min left'],
    [7500, '2 h 5 min left'],
  ])('of %d s is %s', (seconds, words) => {
    expect(timeLeft(seconds)).toBe(words);
  });
});
