import type { TextBytes } from './text-bytes.ts';

/** Takes pieces of text. */
export interface TextOutput {
  write(text: string): void;
  /** Where the output becomes bytes: what comes next can be put there as such. All that was written before is in front of it. */
  bytes?(): TextBytes;
}
