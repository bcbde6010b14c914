import { describe, expect, test } from 'vitest';
import { MACHINES } from '../binary/raw-events.ts';
import { version6, version7 } from './build.ts';
import { collect } from './collect.ts';
import { map, planOf } from './plan.ts';
import { Ring } from './ring.ts';

const [LITTLE] = MACHINES;
const SECOND = 1_000_000_000n;

describe('files that are not read', () => {
  function refused(file: Buffer): string {
    const { error, events } = collect(file);
    expect(events).toEqual([]);
    return error?.message ?? '';
  }

  const usual = planOf(LITTLE, [new Ring(LITTLE).event(SECOND, map(LITTLE, 1)).toBuffer()]);

  function changed(file: Buffer, found: string, made: string): Buffer {
    const at = file.indexOf(Buffer.from(found, 'latin1'));
    expect(at).toBeGreaterThanOrEqual(0);
    const copy = Buffer.from(file);
    copy.write(made, at, 'latin1');
    return copy;
  }

  test('other versions, other files', () => {
    const file = version6(usual);
    for (const version of ['5', '8', 'x']) {
      expect(refused(changed(file, 'tracing6', `tracing${version}`))).toBe(
        `a trace.dat file of version "${version}"; versions 6 and 7 are read; convert it with \`trace-cmd report FILE > trace.txt\``,
      );
    }
    expect(refused(Buffer.from('PERFILE2 and more'))).toMatch(/no trace.dat file/);
  });

  test('text in place of events', () => {
    expect(refused(changed(version6(usual), 'flyrecord', 'latency  '))).toMatch(
      /latency tracer holds text in place of events/,
    );
  });

  test('other compressions, recordings that were not finished, missing parts', () => {
    const file = version7(usual, 'zlib');
    expect(refused(changed(file, 'zlib\0', 'lzma\0'))).toMatch(/compressed with "lzma"; zlib, zstd and none are read/);
    const unfinished = Buffer.from(file);
    unfinished.fill(0, 27, 35);
    expect(refused(unfinished)).toMatch(/the recording was not finished/);
    expect(refused(changed(version7(usual, 'none'), '\x12\0\x08\0', '\x63\0\x08\0'))).toMatch(
      /the file lacks the formats of its events/,
    );
  });

  test('headers with impossible numbers', () => {
    const file = version6(usual);
    const huge = '\xff\xff\xff\xff\xff\xff\x1f\0';
    expect(refused(changed(file, 'tracing6\0\0\x08\0\x10', 'tracing6\0\0\x08\0\0'))).toMatch(
      /it announces pages of 0 bytes/,
    );
    expect(refused(changed(file, 'header_page\0', `header_page\0${huge}`))).toMatch(
      /the layout of pages takes \d+ bytes/,
    );
    expect(refused(changed(file, 'header_event', 'header-event'))).toMatch(/"header_event" is missing/);
    expect(refused(changed(file, 'type_len    :    5', 'type_len    :    2'))).toMatch(
      /a layout that no kernel since 2009 has/,
    );
    expect(refused(changed(file, 'name: unmap', 'nama: unmap'))).toMatch(
      /the format of an event of the group "iommu" is unreadable/,
    );
    // The description of an event without use is missed by nobody.
    const other = { system: 'sched', name: 'other', id: 5, fields: [] };
    const useless = version6({ ...usual, events: [...usual.events, other] });
    expect(collect(changed(useless, 'name: other', 'nama: other')).events).toHaveLength(1);
    expect(refused(changed(file, 'flyrecord', 'somewhere'))).toMatch(/announced in no known way/);
  });
});
