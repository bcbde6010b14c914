/** A seeded NDJSON trace like that of a busy device: requests of about seven pages, half maps and half unmaps. */
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { seededRandom } from './random.ts';

/** Buffers of at most this many pages, each in an IOVA slot of its own. */
const MOST_PAGES = 13;
const SLOT_BYTES = 64 * 1024;
const SLOTS = 4096;
/** Slots stand below 4 GiB, where the kernel's IOVA allocator hands out addresses first. */
const TOP = 0x1_0000_0000;
const EVENTS_PER_CHUNK = 4096;

/** Writes `events` lines; slots are mapped and unmapped at random, so that about half of them are in use. */
export async function writeTrace(events: number, output: Writable): Promise<void> {
  for (const chunk of traceChunks(events, 42)) if (!output.write(chunk)) await once(output, 'drain');
}

function* traceChunks(events: number, seed: number): Generator<string> {
  const random = seededRandom(seed);
  const bytes = new Float64Array(SLOTS);
  let ts = 1_000_000;
  let text = '{"op":"trace","version":1,"source":"bench"}\n{"op":"domain","id":"d0"}\n';
  for (let i = 2; i < events; i++) {
    const slot = Math.floor(random() * SLOTS);
    const iova = hex(TOP - (slot + 1) * SLOT_BYTES);
    ts += 200 + Math.floor(random() * 4000);
    if (bytes[slot] === 0) {
      bytes[slot] = 4096 * (1 + Math.floor(random() * MOST_PAGES));
      const paddr = hex(0x1_0000_0000 + 4096 * Math.floor(random() * 0x400000));
      text += `{"ts":${ts},"op":"map","iova":"${iova}","paddr":"${paddr}","size":${bytes[slot]},"prot":"rwc"}\n`;
    } else {
      text += `{"ts":${ts},"op":"unmap","iova":"${iova}","size":${bytes[slot]}}\n`;
      bytes[slot] = 0;
    }
    if (i % EVENTS_PER_CHUNK === 0) {
      yield text;
      text = '';
    }
  }
  yield text;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
