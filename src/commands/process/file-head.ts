import { closeSync, openSync, readSync } from 'node:fs';
import { cannotRead } from './fs-errors.ts';

/** Bytes that tell what a file is. */
export const HEAD_BYTES = 64 * 1024;

/** The beginning of a file. Throws an environment error when it cannot be read. */
export function headOf(path: string): Buffer {
  try {
    const fd = openSync(path, 'r');
    try {
      const head = Buffer.alloc(HEAD_BYTES);
      return head.subarray(0, readSync(fd, head));
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw cannotRead(path, error);
  }
}
