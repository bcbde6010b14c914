import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { LineReader, LoggedEvent } from '../../../../src/trace/import/log/line-reader.ts';
import type { Payload } from '../../../../src/trace/import/payload.ts';

/** What people have posted in public, where the checkout has it beside it. */
const PUBLIC = fileURLToPath(new URL('../../../../../shared/public-samples/', import.meta.url));
/** Full recordings, likewise. */
const RECORDINGS = fileURLToPath(new URL('../../../../../shared/recordings/smmuv3/', import.meta.url));
export const hasRecordings = existsSync(RECORDINGS);
export const hasPublicSamples = existsSync(PUBLIC);

export function publicLines(name: string): string[] {
  return linesOf(readFileSync(join(PUBLIC, name)));
}

export function recordedLines(name: string): string[] {
  return linesOf(gunzipSync(readFileSync(join(RECORDINGS, `smmuv3-${name}`))));
}

function linesOf(bytes: Buffer): string[] {
  return bytes.toString('utf8').trimEnd().split('\n');
}

/** Every line that is one of the reader's, and what was held back. */
export function readAll(reader: LineReader, lines: readonly string[]): LoggedEvent[] {
  const events = lines.map((line) => reader.read(line)).filter((event) => event !== null);
  const rest = reader.finish?.() ?? null;
  return rest === null ? events : [...events, rest];
}

export function payloadsOf(reader: LineReader, lines: readonly string[]): Payload[] {
  return readAll(reader, lines).flatMap(({ payloads }) => payloads);
}

/** Number of payloads by kind. */
export function kindsOf(payloads: readonly Payload[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of payloads) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

export function at(value: bigint | number): { hi: number; lo: number } {
  const bits = BigInt(value);
  return { hi: Number(bits >> 32n), lo: Number(bits & 0xffffffffn) };
}
