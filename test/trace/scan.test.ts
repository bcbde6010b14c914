import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchWriter } from '../../src/trace/batch-writer.ts';
import { LAST_COLUMN_OP, OPS, opCode } from '../../src/trace/events.ts';
import { decodeEvent, LineError } from '../../src/trace/ndjson/decode.ts';
import { LineScanner } from '../../src/trace/ndjson/scan.ts';
import { anyCharacter } from '../any-character.ts';
import { anyEvent, EVENTS } from './arbitraries.ts';
import { type Row, readRows, rowAt } from './rows.ts';

/** One line through the scanner alone: its row, or null when the scanner leaves it. */
function scanned(line: Buffer): Row | null {
  let row: Row | null = null;
  const writer: BatchWriter = new BatchWriter((batch) => {
    row = rowAt(batch, 0, writer);
    return true;
  });
  const end = new LineScanner(writer).scan(line, 0, 1);
  if (end >= 0) expect(end).toBe(line.indexOf(10) + 1);
  writer.flush();
  return end < 0 ? null : row;
}

/** One line through JSON.parse alone: its row, or null when it is refused. */
function decoded(line: Buffer): Row | null {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(line.subarray(0, line.indexOf(10)));
  } catch {
    return null;
  }
  let row: Row | null = null;
  const writer: BatchWriter = new BatchWriter((batch) => {
    row = rowAt(batch, 0, writer);
    return true;
  });
  try {
    writer.push(decodeEvent(text.replace(/\r$/, '')), 1);
  } catch (error) {
    expect(error).toBeInstanceOf(LineError);
    return null;
  }
  writer.flush();
  return row;
}

/** The two ways agree, and the whole reader agrees with them. */
function agree(line: Buffer): void {
  const fast = scanned(line);
  const slow = decoded(line);
  if (fast !== null) expect(fast).toEqual(slow);
  const { rows, refused } = readRows(line);
  if (/^[ \t\r]*$/.test(line.subarray(0, -1).toString('latin1'))) expect([rows, refused]).toEqual([[], []]);
  else if (slow === null) expect([rows.length, refused.length]).toEqual([0, 1]);
  else expect([rows, refused]).toEqual([[slow], []]);
}

const oneLine = (text: string): Buffer => Buffer.from(`${text.replaceAll('\n', ' ')}\n`);
const blank = fc.constantFrom('', '', '', ' ', '\t', '  \t', '\r');

/** A member as JSON text, of any of the kinds that the scanner has opinions on. */
const member = fc.tuple(
  fc.constantFrom(
    'op',
    'iova',
    'paddr',
    'size',
    'pgsize',
    'pgcount',
    'prot',
    'domain',
    'gather',
    'thread',
    'queue',
    'ts',
    'end',
    'clear',
    'comment',
    'nth',
    'other',
    'io\\u0076a',
    '',
  ),
  fc.oneof(
    fc
      .constantFrom(...OPS, 'mop', 'queued', 'none', 'rwc', 'rr', '', 'rwcnmp', '0x', '0X10', '0xg', 'd0')
      .map((word) => `"${word}"`),
    fc.constantFrom(
      'true',
      'false',
      'null',
      'tru',
      '-0',
      '-1',
      '00',
      '01',
      '1.5',
      '1e3',
      '1E400',
      '[]',
      '{}',
      '{"a":[1,"}"]}',
      '"a\\nb"',
      '"\\ud800"',
      "'x'",
      '"',
      '',
    ),
    fc.constantFrom(
      '0',
      '4096',
      '999999999999999',
      '1000000000000000',
      '4503599627370497',
      '9999999999999999',
      '9007199254740991',
      '9007199254740992',
      '9007199254740993',
      '18446744073709551616',
      '4294967295',
      '4294967296',
    ),
    fc.bigInt(0n, 1n << 66n).map(String),
    fc
      .bigInt(0n, 1n << 68n)
      .chain((value) =>
        fc.constantFrom(
          `"0x${value.toString(16)}"`,
          `"0x${value.toString(16).toUpperCase()}"`,
          `"0x000${value.toString(16)}"`,
        ),
      ),
    fc.string({ unit: anyCharacter, maxLength: 5 }).map((text) => JSON.stringify(text)),
  ),
);

const looseObject = fc
  .tuple(
    fc.array(fc.tuple(member, blank, blank, blank), { maxLength: 9 }),
    blank,
    blank,
    fc.constantFrom(...OPS.slice(0, LAST_COLUMN_OP + 1)),
  )
  .map(([members, before, after, op]) => {
    const texts = members.map(([[key, value], a, b, c]) => `${a}"${key}"${b}:${c}${value}${a}`);
    texts.splice(Math.floor(texts.length / 2), 0, `"op":"${op}"`);
    return oneLine(`${before}{${texts.join(',')}}${after}`);
  });

/** A good event whose keys are shuffled and whose text has odd blanks, then a few bytes are changed. */
const mutated = fc
  .tuple(
    anyEvent,
    fc.infiniteStream(fc.nat(1000)),
    fc.array(fc.tuple(fc.nat(), fc.constantFrom('set', 'insert', 'delete', 'double'), fc.nat(255)), { maxLength: 3 }),
  )
  .map(([event, order, edits]) => {
    const rank = new Map(Object.keys(event).map((key) => [key, order.next().value]));
    const entries = Object.entries(event).sort((a, b) => (rank.get(a[0]) ?? 0) - (rank.get(b[0]) ?? 0));
    let bytes = [...Buffer.from(JSON.stringify(Object.fromEntries(entries)))];
    for (const [where, how, byte] of edits) {
      const at = where % (bytes.length + 1);
      if (how === 'set') bytes[at] = byte;
      else if (how === 'insert') bytes.splice(at, 0, byte);
      else if (how === 'delete') bytes.splice(at, 1);
      else bytes = [...bytes.slice(0, at), ...bytes.slice(Math.max(0, at - 20), at), ...bytes.slice(at)];
    }
    return Buffer.from([...bytes.map((byte) => (byte === 10 ? 32 : byte)), 10]);
  });

describe('the scanner and JSON.parse', () => {
  it('agree on objects of every kind of member', () => {
    fc.assert(fc.property(looseObject, agree), { numRuns: 8000 });
  });

  it('agree on good lines that were damaged', () => {
    fc.assert(fc.property(mutated, agree), { numRuns: 6000 });
  });

  it('agree on lines with bytes of zero, which stand for nothing, in the middle of it', () => {
    const zeros = '\0\0\0\0';
    const rest = `,"comment":"${'x'.repeat(40)}"}`;
    const map = '"op":"map","iova":"0x1000","paddr":"0x2000","size":4096';
    const lines = [
      `{${zeros}"op":"walk","iova":"0x1000"}`,
      `{"op":"walk",${zeros.repeat(4)}`,
      `{"op":"walk",${zeros}"iova":"0x1000"${rest}`,
      `{${map},"prot":"${zeros}${rest}`,
      `{${map},"prot":"\0\0\0"${rest}`,
      `{${map},"prot":${zeros}${rest}`,
      `{"op":"${zeros}"${rest}`,
    ];
    for (const line of lines) agree(oneLine(line));
  });

  it('agree in one buffer that is used again and again, whatever an earlier reading has left in it', () => {
    const buffer = Buffer.alloc(2048, '"prot":"rwc","op":"map","iova":"0x');
    let row: Row | null = null;
    const writer: BatchWriter = new BatchWriter((batch) => {
      row = rowAt(batch, 0, writer);
      return true;
    });
    const scanner = new LineScanner(writer);
    const property = fc.property(fc.oneof(looseObject, mutated), fc.nat(7), fc.boolean(), (line, before, atEnd) => {
      if (line.length > 1024) return;
      const start = atEnd ? buffer.length - line.length : before;
      line.copy(buffer, start);
      row = null;
      const end = scanner.scan(buffer, start, 1);
      writer.flush();
      if (end < 0) return;
      expect(end).toBe(start + line.indexOf(10) + 1);
      expect(row).toEqual(decoded(line));
    });
    fc.assert(property, { numRuns: 4000, seed: 20261121 });
  });

  it('agree on arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) =>
        agree(Buffer.from([...bytes.map((byte) => (byte === 10 ? 0 : byte)), 10])),
      ),
    );
  });

  it('agree line after line, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(looseObject, mutated), { maxLength: 12 }), (lines) => {
        const expected = lines.flatMap((line, i) => readRows(line).rows.map((row) => ({ ...row, line: i + 1 })));
        expect(readRows(Buffer.concat(lines)).rows).toEqual(expected);
      }),
      { numRuns: 600 },
    );
  });

  it('agree on very long texts', () => {
    const long = 'x'.repeat(300_000);
    agree(oneLine(`{"op":"walk","iova":"0x1","comment":"${long}"}`));
    agree(oneLine(`{"op":"walk","iova":"0x${'0'.repeat(300_000)}"}`));
    agree(oneLine(`{"op":"walk","iova":"0x1","domain":"${long}"}`));
    agree(oneLine(`{"op":"${long}"}`));
    agree(oneLine(`{"${long}":1,"op":"walk","iova":"0x1"}`));
    agree(oneLine(`{"op":"unmap","iova":"0x1","size":${'1'.repeat(300_000)}}`));
  });

  it('agree on objects nested very deep', () => {
    agree(oneLine(`{"op":"walk","iova":"0x1","deep":${'['.repeat(100_000)}1e1${']'.repeat(100_000)}}`));
    agree(oneLine(`{"op":"walk","iova":${'['.repeat(100_000)}${']'.repeat(100_000)}}`));
    agree(oneLine('{"a":'.repeat(100_000)));
  });
});

describe('the scanner', () => {
  const canonical: readonly string[] = [
    '{"op":"map","iova":"0x7f0012345000","paddr":"0x80000000","size":4096,"prot":"rwcn"}',
    '{"op":"map","iova":"0xFFFFFFFFFFFFF000","paddr":"0xABCDEF","size":999999999999999,"prot":63,"domain":"gpu"}',
    '{"size":4096,"iova":"0x0","op":"unmap","gather":"queued"}',
    '{"op":"map_pages","iova":"0x1000","paddr":"0x2000","pgsize":4096,"pgcount":512,"prot":"","ts":123456789,"end":123456789}',
    '{"op":"unmap_pages","iova":"0x1000","pgsize":4096,"pgcount":0,"gather":"none","thread":12}',
    '{"op":"walk","iova":"0x1000","ts":9007199254740991,"end":9007199254740991,"queue":9007199254740990}',
    '{ "op" : "iova_to_phys" ,\t"iova" : "0x1000" , "paddr":"0x0" , "comment":"spaces" } ',
    '{"op":"walk","iova":"0x1000","queue":"copy","anything":true,"else":7,"more":"text"}',
    '{"op":"walk","iova":"0x1000","queue":3}\r',
    '{"op":"fail_alloc","nth":1}',
    '{"op":"set_dirty","iova":"0x1000"}',
    '{"op":"read_dirty","iova":"0x1000","size":8192,"clear":true}',
    '{"op":"read_dirty","iova":"0x1000","size":8192,"clear":false,"thread":"main"}',
  ];
  it.each(canonical)('takes %s', (line) => {
    const bytes = Buffer.from(`${line}\n`);
    const row = scanned(bytes);
    expect(row).not.toBeNull();
    expect(row).toEqual(decoded(bytes));
  });

  it('takes what the encoder writes of the frequent ops, unknown plain keys included', () => {
    const plain = /^[ !#-[\]-~]*$/;
    for (const op of OPS.slice(0, LAST_COLUMN_OP + 1)) {
      fc.assert(
        fc.property(EVENTS[op], (event) => {
          // What the scanner leaves by design: escapes, bytes above ASCII, negative and long numbers, nested values.
          const easy = (value: unknown): boolean =>
            typeof value === 'number'
              ? value >= 0 && Number.isSafeInteger(value)
              : typeof value === 'string'
                ? plain.test(value)
                : typeof value === 'boolean';
          const entries = Object.entries(event).map(([key, value]) => [
            key,
            easy(value) ? value : typeof value === 'string' ? 'd0' : 7,
          ]);
          // Fences are lists, and maps that ask for more than a protection are rare.
          const left = ['waits', 'signals', 'sh', 'attrIndex', 'contig', 'sw'];
          const takes = (key: string): boolean => plain.test(key) && !left.includes(key);
          const kept = Object.fromEntries(entries.filter(([key]) => takes(String(key))));
          expect(scanned(Buffer.from(`${JSON.stringify(kept)}\n`))).not.toBeNull();
        }),
        { numRuns: 100 },
      );
    }
  });

  it('leaves maps that ask for more than a protection, wherever their keys stand', () => {
    const map = '"iova":"0x1000","paddr":"0x2000","size":4096';
    for (const more of ['"sh":"inner"', '"sw":1', '"attrIndex":3', '"contig":true', '"contig":false', '"sw": 0']) {
      for (const line of [
        `{"op":"map",${map},${more}}`,
        `{${more},"op":"map",${map}}`,
        `{"op":"map",${more},${map}}`,
      ]) {
        expect(scanned(Buffer.from(`${line}\n`)), line).toBeNull();
      }
    }
    expect(scanned(Buffer.from(`{"op":"map",${map},"xy":1,"s":2}\n`))).not.toBeNull();
  });

  it('writes nothing for a line that it leaves', () => {
    const writer = new BatchWriter(() => true);
    const scanner = new LineScanner(writer);
    for (const line of [
      '{"op":"bind"}',
      '{"op":"walk","iova":"0x1","ts":3,"end":2}',
      '{"op":"walk","iova":"0x1","ts":9007199254740992}',
      '{"op":"walk","iova":"0x1","ts":1700000000123456789}',
      '{"op":"walk"}',
      '{"op":"walk","iova":"0x1",}',
      '{"op":"walk","iova":"0x1"} x',
      '[]',
      '',
    ]) {
      expect(scanner.scan(Buffer.from(`${line}\n`), 0, 1)).toBe(-1);
    }
    expect(writer.events).toBe(0);
    expect(opCode('bind')).toBeGreaterThan(LAST_COLUMN_OP);
  });
});
