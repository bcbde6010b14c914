import type { Batch } from '../../src/trace/batch.ts';
import { NONE } from '../../src/trace/batch.ts';
import { BatchWriter } from '../../src/trace/batch-writer.ts';
import { NdjsonDecoder } from '../../src/trace/ndjson/ndjson-decoder.ts';

/** Every column of one event, names resolved, so that readings with different name tables compare. */
export interface Row {
  readonly [column: string]: unknown;
}

export function rowAt(batch: Batch, i: number, writer: Pick<BatchWriter, 'domains' | 'threads' | 'queues'>): Row {
  return {
    op: batch.op[i],
    flags: batch.flags[i],
    prot: batch.prot[i],
    domain: batch.domain[i] === NONE ? null : writer.domains.names[batch.domain[i]],
    thread: batch.thread[i] === NONE ? null : writer.threads.names[batch.thread[i]],
    queue: batch.queue[i] === NONE ? null : writer.queues.names[batch.queue[i]],
    ts: batch.ts[i],
    end: batch.end[i],
    iova: [batch.iovaHi[i], batch.iovaLo[i]],
    paddr: [batch.paddrHi[i], batch.paddrLo[i]],
    size: batch.size[i],
    count: batch.count[i],
    ret: batch.ret[i],
    fences: batch.fences.get(i) ?? null,
    line: batch.line[i],
    object: batch.objects.get(i) ?? null,
  };
}

/** What a reading of some bytes of the trace language gives: its rows, and the message of each line it refuses. */
export function readRows(bytes: Uint8Array): { rows: Row[]; refused: string[] } {
  const rows: Row[] = [];
  const refused: string[] = [];
  const writer: BatchWriter = new BatchWriter((batch) => {
    for (let i = 0; i < batch.length; i++) rows.push(rowAt(batch, i, writer));
    return true;
  });
  const decoder = new NdjsonDecoder(writer, { name: 'FILE', badLine: (error) => void refused.push(error.text) });
  const buffer = Buffer.from(bytes);
  if (buffer.length > 0) decoder.decode(buffer, 0, buffer.length);
  decoder.finish();
  writer.flush();
  return { rows, refused };
}
