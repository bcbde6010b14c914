import { describe, expect, it } from 'vitest';
import type { PgtraceError } from '../../../../../src/base/errors.ts';
import { BATCH_EVENTS, type Batch, copyEvent } from '../../../../../src/trace/batch.ts';
import { BatchWriter } from '../../../../../src/trace/batch-writer.ts';
import { DOMAIN_KEYS, type ImportOptions, LAYERS } from '../../../../../src/trace/import/import-options.ts';
import { Importer } from '../../../../../src/trace/import/importer.ts';
import { TextDecoder } from '../../../../../src/trace/import/text/text-decoder.ts';
import { FORMS } from '../../robust/forms.ts';
import { mutate } from '../../robust/mutations.ts';
import { Random } from '../../robust/random.ts';

/** Room behind the lines, without which they are read column by column. */
const ROOM = 1024;
/** Lines after which those that follow may go into the columns at once. */
const EARLY = 1100;
const COUNT = 30;

/** All that comes of a recording. */
function read(lines: readonly string[], options: ImportOptions, lenient: boolean, oneByOne: boolean, batches = 100) {
  const columns: unknown[] = [];
  const errors: unknown[] = [];
  const refuse = (error: PgtraceError): void => {
    errors.push([error.message, error.place]);
    if (!lenient) throw error;
  };
  const writer = new BatchWriter((batch) => {
    columns.push(contentOf(batch));
    return columns.length < batches;
  });
  const context = { name: 'x', badLine: refuse };
  const importer = new Importer(writer, context, options);
  const decoder = new TextDecoder(importer, context, options, { page: false, wrapped: false });
  try {
    if (oneByOne) {
      for (const line of lines) {
        const bytes = Buffer.from(`${line}\n`, 'latin1');
        decoder.decode(bytes, 0, bytes.length);
      }
    } else {
      const text = Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1');
      decoder.decode(Buffer.concat([text, Buffer.alloc(ROOM)]), 0, text.length);
    }
  } catch (error) {
    if (errors.length === 0) throw error;
  }
  decoder.finish();
  writer.flush();
  const { domains, threads, queues, events } = writer;
  const names = [domains.names, threads.names, queues.names];
  const stop = writer.stopped ? null : decoder.line;
  return { columns, errors, names, events, notes: importer.notes, format: decoder.format, stop };
}

/** The columns and objects of a batch; what columns hold where an object stands means nothing. */
function contentOf(batch: Batch): unknown {
  for (const [at, object] of [...batch.objects]) {
    copyEvent(batch, batch.length - 1, batch, at);
    batch.objects.set(at, object);
  }
  const columns = Object.values(batch).filter((value) => ArrayBuffer.isView(value));
  const bytes = columns.map(({ buffer, byteLength }) =>
    Buffer.from(buffer, 0, (byteLength / BATCH_EVENTS) * batch.length),
  );
  return [[...batch.objects], ...bytes.map((column) => column.toString('hex'))];
}

const ODD = Object.values(FORMS).flatMap((form) => form.split('\n'));
const HEADS = [
  [
    '            task-98   [000] d....     ',
    '            task-99   [000] d....     ',
    '          <idle>-0     [001] d.s..     ',
  ],
  ['            task 98 [000]     ', '            task 99 [000]     ', '         swapper 0 [001]     '],
] as const;

/** A recording of requests, with other lines among them. */
function recordingOf(random: Random, length: number): string[] {
  const form = random.below(2);
  const group = form === 0 ? '' : '             iommu:';
  const odd = random.pick([0, 0, 2000, 200, 20]);
  // Where ranges meet there are several address spaces, which take longer to tell apart.
  const meets = random.oneIn(8) ? EARLY + 300 : length;
  const named = random.oneIn(3);
  const hex = (value: number): string => value.toString(16).padStart(16, '0');
  const live: number[] = [];
  const lines: string[] = [];
  for (let i = 0; i < length; i++) {
    const head = `${random.pick(HEADS[form])}${12 + Math.floor(i / 100)}.${String(i % 1e6).padStart(6, '0')}: `;
    const start = head + group;
    const unmaps = live.length > 0 && random.oneIn(2);
    const page = unmaps ? live.splice(random.below(live.length), 1)[0] : i - (i > meets ? random.below(3) : 0);
    if (!unmaps) live.push(page);
    const range = `IOMMU: iova=0x${hex(page * 4096)} - 0x${hex((page + 1) * 4096)}`;
    const event = unmaps
      ? `unmap: ${range} size=4096 unmapped_size=4096`
      : `map: ${range} paddr=0x${hex(2 ** 33 + i * 4096)} size=4096`;
    const line = start + event;
    if (named && i > EARLY && random.oneIn(2)) {
      const what = `dma_${unmaps ? 'unmap' : 'map'}_page: 0000:00:05.0 dir=TO_DEVICE dma_addr=${hex(page * 4096)}`;
      const told = `${head}${form === 0 ? '' : '  dma:'}${what} size=4096${unmaps ? '' : ' phys_addr=481f3010'} attrs=`;
      if (unmaps) lines.push(told, line);
      else lines.push(line, told);
      continue;
    }
    if (odd === 0 || i < EARLY || !random.oneIn(odd)) lines.push(line);
    else if (random.oneIn(2)) lines.push(start + random.pick(ODD).replace(/^.*?: /, ''), random.pick(ODD));
    else
      lines.push(
        ...mutate(Buffer.from(line, 'latin1'), true, random, Buffer.from(random.pick(ODD), 'latin1'))
          .toString('latin1')
          .split('\n'),
      );
  }
  return lines;
}

describe('lines that go into the columns at once', () => {
  it(`give what they give otherwise, in ${COUNT} recordings`, { timeout: 120_000 }, () => {
    for (let number = 0; number < COUNT; number++) {
      const random = new Random(number);
      const lines = recordingOf(random, EARLY + 600);
      const options: ImportOptions = {
        layer: random.pick([null, null, null, ...LAYERS]),
        domainBy: random.pick([null, null, ...DOMAIN_KEYS]),
        singleDomain: random.oneIn(3),
      };
      const lenient = !random.oneIn(4);
      const quick = read(lines, options, lenient, false);
      expect(quick, `recording ${number}`).toEqual(read(lines, options, lenient, true));
      expect(quick.events).toBeGreaterThan(options.layer === 'pgtable' ? -1 : EARLY);
    }
  });

  it('stop where the consumer wants no more', () => {
    const lines = recordingOf(new Random(1), 9000).filter((line) => line.includes('map: IOMMU'));
    for (const singleDomain of [true, false]) {
      const options: ImportOptions = { layer: null, singleDomain };
      expect(read(lines, options, true, false, 1)).toEqual(read(lines, options, true, true, 1));
    }
  });
});
