import { readFileHeader } from '../../../../src/trace/import/perf-data/file-header.ts';
import { memoryBytes } from '../../../../src/trace/source/byte-source.ts';

const MMAP = 1;
const SAMPLE = 9;
const MMAP2 = 10;
/** Tracing data and what perf wants to know of the machine: its name, kernel, perf and architecture. */
const FEATURES_KEPT = [1, 3, 4, 5, 6];
const SECTION = 16;

/**
 * A smaller recording out of a little-endian one: each `oneIn`th sample, no records of mapped files, few features. What is left
 * stays as the kernel and perf wrote it, in its order.
 */
export function reducePerfData(full: Buffer, oneIn: number): Buffer {
  const { attrs, data, features } = readFileHeader(memoryBytes(full), 'full');
  const kept: Buffer[] = [];
  let samples = 0;
  for (let at = data.offset; at < data.offset + data.size; at += full.readUInt16LE(at + 6)) {
    const type = full.readUInt32LE(at);
    if (type === MMAP || type === MMAP2 || (type === SAMPLE && samples++ % oneIn !== 0)) continue;
    kept.push(full.subarray(at, at + full.readUInt16LE(at + 6)));
  }
  const records = Buffer.concat(kept);
  const start = Buffer.from(full.subarray(0, data.offset));
  start.writeBigUInt64LE(BigInt(records.length), 48);
  start.fill(0, 72, 104);
  for (const feature of FEATURES_KEPT) start[72 + (feature >> 3)] |= 1 << (feature & 7);
  const directory = Buffer.alloc(FEATURES_KEPT.length * SECTION);
  const sections: Buffer[] = [];
  let at = start.length + records.length + directory.length;
  for (const [i, feature] of FEATURES_KEPT.entries()) {
    const entry = data.offset + data.size + features.indexOf(feature) * SECTION;
    const offset = Number(full.readBigUInt64LE(entry));
    const size = Number(full.readBigUInt64LE(entry + 8));
    sections.push(full.subarray(offset, offset + size));
    directory.writeBigUInt64LE(BigInt(at), i * SECTION);
    directory.writeBigUInt64LE(BigInt(size), i * SECTION + 8);
    at += size;
  }
  if (attrs.offset + attrs.size > data.offset) throw new Error('attributes behind the records');
  return Buffer.concat([start, records, directory, ...sections]);
}
