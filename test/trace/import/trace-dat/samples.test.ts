import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { hasRecordings, recording } from '../read.ts';
import { type Collected, collect, collectText, sample } from './collect.ts';

const FORMS = ['version-6.dat.gz', 'version-7.dat.gz', 'version-7-zstd.dat.gz'];
/** The same recording of 6265 events in its three forms. */
const FULL_FORMS = [
  '6.1-strict.trace-cmd-v6.dat.gz',
  '6.1-strict.trace-cmd-v7-none.dat.gz',
  '6.1-strict.trace-cmd-v7-zstd.dat',
];

function fullRecording(name: string): Buffer {
  const bytes = readFileSync(recording(name));
  return name.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

/** What a text without flags tells of events. */
function withoutLevels(events: readonly Collected[]): object[] {
  return events.map(({ payload, head }) => ({ payload, head: { ...head, level: 0 } }));
}

describe('a recording and what trace-cmd prints of it', () => {
  test.each(FORMS)('%s: the same events, threads, commands, times and order', (name) => {
    const found = collect(sample(name), { comms: true });
    const printed = collectText(sample('report-t.txt.gz'));
    expect(printed).toHaveLength(511);
    expect(found.error).toBeNull();
    expect(withoutLevels(found.events)).toEqual(withoutLevels(printed));
    expect(found.events.map(({ line }) => line)).toEqual(printed.map((_, i) => i + 1));
    expect(found).toMatchObject({ read: 511, ignored: 0, lost: [], refused: [] });
  });

  test('the same interrupt levels as in the columns of the latency format', () => {
    const levels = collectText(sample('report-l.txt.gz')).map(({ head }) => head.level);
    expect(new Set(levels)).toEqual(new Set([0, 1, 2]));
    expect(collect(sample('version-6.dat.gz')).events.map(({ head }) => head.level)).toEqual(levels);
  });

  test('names of commands are left out unless somebody asks for them', () => {
    expect(new Set(collect(sample('version-7.dat.gz')).events.map(({ head }) => head.comm))).toEqual(new Set(['']));
  });

  test('reading stops when nobody wants more', () => {
    expect(collect(sample('version-6.dat.gz'), { atMost: 10 })).toMatchObject({ read: 10, error: null });
  });
});

describe.runIf(hasRecordings)('full recordings', () => {
  test.each(FULL_FORMS)('%s: every event as trace-cmd prints it', (name) => {
    const found = collect(fullRecording(name), { comms: true });
    const printed = collectText(gunzipSync(readFileSync(recording('6.1-strict.trace-cmd-report-t.txt.gz'))));
    const levels = collectText(gunzipSync(readFileSync(recording('6.1-strict.trace-cmd-report-l.txt.gz'))));
    expect(printed).toHaveLength(6265);
    expect(found.error).toBeNull();
    expect(withoutLevels(found.events)).toEqual(withoutLevels(printed));
    expect(found.events.map(({ head }) => head.level)).toEqual(levels.map(({ head }) => head.level));
  });

  test('version 6 cut off at every 1000th byte', () => {
    const file = fullRecording(FULL_FORMS[0]);
    const { events } = collect(file);
    let given = 0;
    for (let length = 0; length < file.length; length += 1000) {
      const cut = collect(file.subarray(0, length));
      if (cut.error === null) expect(cut.events).toHaveLength(events.length);
      else expect(cut.error.message).toMatch(new RegExp(`^the file ends at byte ${length} within `));
      // The data of one CPU lies behind that of the other, so ever more is given.
      expect(cut.events.length).toBeGreaterThanOrEqual(given);
      given = cut.events.length;
      expect(cut.events.at(-1)).toEqual(events[given - 1]);
    }
    expect(given).toBeGreaterThan(6200);
  });
});
