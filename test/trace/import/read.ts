import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { FLAG_GATHER_NONE, FLAG_HAS_RET } from '../../../src/trace/batch.ts';
import type { Event } from '../../../src/trace/events.ts';
import { eventAt } from '../../../src/trace/ndjson/encode.ts';
import { openTrace, type ReadOptions, type ReadOutcome } from '../../../src/trace/open.ts';

export const SAMPLES = join(import.meta.dirname, 'samples');
/** Full recordings, where the checkout has them beside it. */
const RECORDINGS = fileURLToPath(new URL('../../../../shared/recordings/smmuv3/', import.meta.url));
export const hasRecordings = existsSync(RECORDINGS);

export function recording(name: string): string {
  return join(RECORDINGS, `smmuv3-${name}`);
}

/** An imported event with the columns that the language does not print. */
export interface Imported {
  readonly event: Event;
  readonly line: number;
  readonly ret: number | null;
  readonly withoutGather: boolean;
}

export interface Import {
  readonly outcome: ReadOutcome;
  readonly events: Imported[];
  /** Number of events by op. */
  readonly ops: Readonly<Record<string, number>>;
}

export async function importFile(
  path: string,
  options: Partial<ReadOptions> = {},
  stdin: Readable = Readable.from([]),
): Promise<Import> {
  const reader = await openTrace(path, stdin, { layer: null, lenient: false, ...options });
  const events: Imported[] = [];
  const ops: Record<string, number> = {};
  const outcome = await reader.read((batch) => {
    for (let i = 0; i < batch.length; i++) {
      const event = eventAt(batch, i, reader);
      const flags = batch.flags[i];
      ops[event.op] = (ops[event.op] ?? 0) + 1;
      events.push({
        event,
        line: batch.line[i],
        ret: (flags & FLAG_HAS_RET) === 0 ? null : batch.ret[i],
        withoutGather: (flags & FLAG_GATHER_NONE) !== 0,
      });
    }
    return true;
  });
  return { outcome, events, ops };
}

/** Imports a text as if it came from a file. */
export function importText(text: string, options: Partial<ReadOptions> = {}): Promise<Import> {
  return importFile('-', options, Readable.from([Buffer.from(text, 'latin1')]));
}
