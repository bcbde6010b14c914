import { Fnv1a64 } from '../base/hash.ts';
import { stableJson } from '../base/stable-json.ts';
import type { Scalar } from './cell-config.ts';

/** What identifies a cell: the bytes of the trace, not its name; the configuration; who counts; what a row holds. */
export interface Identity {
  /** Of the trace's bytes as they are stored, in hex. */
  readonly sha256: string;
  readonly config: Readonly<Record<string, Scalar>>;
  /** Version of pgtrace. */
  readonly engine: string;
  readonly schema: string;
}

/** The job id of a cell: sixteen hex digits, the same on every machine. */
export function cellId({ sha256, config, engine, schema }: Identity): string {
  const hash = new Fnv1a64();
  hash.update(ascii(stableJson([schema, engine, sha256, config])));
  return hash.digest();
}

/** The hash takes one byte a character: the others are spelled out as JSON may spell them. */
function ascii(json: string): string {
  return json.replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** True for sixteen hex digits. */
export function isCellId(text: string): boolean {
  return /^[0-9a-f]{16}$/.test(text);
}
