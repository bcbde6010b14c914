import { checkLiterals } from '../../../source/zstd-literals.ts';

/*
 * fzstd trusts what it is given: it takes memory by what a frame's header says. This walks the frame (RFC 8878, section
 * 3.1) and lets through only what it can stand.
 */

const MAGIC = 0xfd2fb528;
const LARGEST_WINDOW = 1 << 27;
const LARGEST_ZSTD_BLOCK = 1 << 17;
const RLE = 1;
const COMPRESSED = 2;

/** Throws Error unless `packed` is one sound frame that does not announce anything else than `size` bytes. */
export function checkZstd(packed: Buffer, size: number): void {
  if (packed.length < 9 || packed.readUInt32LE(0) !== MAGIC) throw damaged();
  const descriptor = packed[4];
  const isSingle = (descriptor & 0x20) !== 0;
  // A dictionary or a reserved bit: nothing that trace-cmd writes.
  if ((descriptor & 0x0b) !== 0) throw damaged();
  let at = 5;
  if (!isSingle) {
    const exponent = packed[at] >> 3;
    if (2 ** (10 + exponent) > LARGEST_WINDOW) throw damaged();
    at++;
  }
  const contentFlag = descriptor >> 6;
  const contentBytes = contentFlag === 0 ? Number(isSingle) : 2 ** contentFlag;
  if (at + contentBytes > packed.length) throw damaged();
  if (contentBytes > 0 && contentSize(packed, at, contentBytes) !== size) throw damaged();
  const end = walkBlocks(packed, at + contentBytes);
  if (end + ((descriptor & 4) === 0 ? 0 : 4) !== packed.length) throw damaged();
}

function contentSize(packed: Buffer, at: number, bytes: number): number {
  if (bytes === 8) return packed.readUInt32LE(at + 4) * 2 ** 32 + packed.readUInt32LE(at);
  return packed.readUIntLE(at, bytes) + (bytes === 2 ? 256 : 0);
}

/** Returns where the last block ends. */
function walkBlocks(packed: Buffer, first: number): number {
  let at = first;
  for (let isLast = false; !isLast; ) {
    if (at + 3 > packed.length) throw damaged();
    const header = packed.readUIntLE(at, 3);
    const type = (header >> 1) & 3;
    const size = header >> 3;
    const end = at + 3 + (type === RLE ? 1 : size);
    if (size > LARGEST_ZSTD_BLOCK || end > packed.length) throw damaged();
    if (type === COMPRESSED) checkLiterals(packed, at + 3, end);
    isLast = (header & 1) !== 0;
    at = end;
  }
  return at;
}

function damaged(): Error {
  return new Error('its zstd data is damaged');
}
