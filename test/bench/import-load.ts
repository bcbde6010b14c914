/** Recordings of any length for the importers: the requests of a recorded one again and again, in the words of each tool. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { hex64Padded } from '../../src/base/u64.ts';
import { OP_MAP, OP_UNMAP } from '../../src/trace/events.ts';
import { pageOf } from '../../src/trace/import/domains/pages.ts';
import { openTrace } from '../../src/trace/open.ts';

/** A request and the space that it was made in. */
export interface Request {
  readonly isMap: boolean;
  /** Number of the address space, from 0. */
  readonly space: number;
  readonly iova: Half;
  readonly paddr: Half;
  /** Bytes. */
  readonly size: number;
  readonly thread: number;
}

interface Half {
  readonly hi: number;
  readonly lo: number;
}

/** What stands before and behind the time of a line. */
type Line = readonly [before: string, after: string];
type Form = (request: Request) => readonly Line[];

/** Microseconds from one request to the next, and from one turn to the next. */
const STEP = 7;
const CHUNK = 1 << 20;

/**
 * The requests of a recording that probes tell the address spaces of. At the end everything is unmapped, so that they can
 * come again and again.
 */
export async function recordedRequests(path: string): Promise<Request[]> {
  const reader = await openTrace(path, Readable.from([]), { lenient: false, layer: 'iommu' });
  const requests: Request[] = [];
  /** Maps by their first page, for each space. */
  const live = new Map<number, Map<number, Request>>();
  const outcome = await reader.read((batch) => {
    for (let i = 0; i < batch.length; i++) {
      if (batch.op[i] !== OP_MAP && batch.op[i] !== OP_UNMAP) continue;
      const request: Request = {
        isMap: batch.op[i] === OP_MAP,
        space: batch.domain[i],
        iova: { hi: batch.iovaHi[i], lo: batch.iovaLo[i] },
        paddr: { hi: batch.paddrHi[i], lo: batch.paddrLo[i] },
        size: batch.size[i],
        thread: Number.parseInt(reader.threads[batch.thread[i]], 10),
      };
      requests.push(request);
      const maps = live.get(request.space) ?? new Map<number, Request>();
      live.set(request.space, maps);
      const page = pageOf(request.iova.hi, request.iova.lo);
      if (request.isMap) maps.set(page, request);
      else for (let next = page; next < page + request.size / 4096; next++) maps.delete(next);
    }
    return true;
  });
  if (outcome.error !== null) throw outcome.error;
  for (const maps of live.values()) for (const map of maps.values()) requests.push({ ...map, isMap: false });
  return requests;
}

function hex({ hi, lo }: Half): string {
  return hex64Padded(hi, lo, 16);
}

function end({ iova: { hi, lo }, size }: Request): Half {
  const low = lo + size;
  return { hi: (hi + Math.floor(low / 2 ** 32)) >>> 0, lo: low % 2 ** 32 };
}

/** `map: IOMMU: ...`, the name filled up with blanks to `width`. */
function event(request: Request, width = 0): string {
  const { isMap, iova, paddr, size } = request;
  const range = `IOMMU: iova=${hex(iova)} - ${hex(end(request))}`;
  return isMap
    ? `${'map:'.padEnd(width)} ${range} paddr=${hex(paddr)} size=${size}`
    : `${'unmap:'.padEnd(width)} ${range} size=${size} unmapped_size=${size}`;
}

const device = (space: number): string => `0000:00:0${space % 10}.0`;
const column = ({ thread }: Request): string => `            task-${thread}   [00${thread & 1}]`;

function probe(request: Request): readonly Line[] {
  const { isMap, space, iova, paddr, size } = request;
  const start = `${column(request)} d....     `;
  const what = isMap ? 'map' : 'unmap';
  const where = `ttbr=0x${(0x48107000 + space * 4096).toString(16)} iova=${hex(iova)}`;
  const pages = `pgsize=0x1000 pgcount=${size / 4096}`;
  const call = isMap ? `${where} paddr=${hex(paddr)} ${pages} prot=0x7` : `${where} ${pages}`;
  const ret = isMap ? '0' : `0x${size.toString(16)}`;
  return [
    [start, `: ${what}: (arm_lpae_${what}_pages+0x0/0x170) ${call}\n`],
    [start, `: ${what}_ret: (arm_smmu_${what}_pages+0x24/0x3c <- arm_lpae_${what}_pages) ret=${ret}\n`],
    [start, `: ${event(request)}\n`],
  ];
}

function dma(request: Request): readonly Line[] {
  const start = `${column(request)} d....     `;
  const { isMap, space, iova, size } = request;
  const what = isMap ? 'dma_map_page' : 'dma_unmap_page';
  const fields = `dir=TO_DEVICE dma_addr=${hex(iova).slice(2)} size=${size}${isMap ? ' phys_addr=481f3000' : ''} attrs=`;
  return [
    [start, `: ${event(request)}\n`],
    [start, `: ${what}: ${device(space)} ${fields}\n`],
  ];
}

function kernelLog({ isMap, iova, paddr, size, thread }: Request): readonly Line[] {
  const start = ['[  ', `] [  T${thread}] iommu:`] as const;
  const bytes = `0x${size.toString(16)}`;
  const from = `iova 0x${hex(iova).slice(2).replace(/^0+/, '')}`;
  const [what, call] = isMap
    ? [
        `map: ${from} pa ${hex(paddr)} size ${bytes}`,
        `mapping: ${from} pa ${hex(paddr)} pgsize 0x1000 count ${size / 4096}`,
      ]
    : [`unmap this: ${from} size ${bytes}`, `unmapped: ${from} size ${bytes}`];
  return [what, call].map((text) => [start[0], `${start[1]} ${text}\n`]);
}

function keyValue({ isMap, space, iova, paddr, size, thread }: Request): readonly Line[] {
  const where = `pid=${thread} comm=task domain=0xff110128${(space * 4096).toString(16).padStart(8, '0')} iova=${hex(iova)}`;
  const what = isMap ? `map: ${where} paddr=${hex(paddr)} prot=0x7` : `unmap: ${where}`;
  return [[`${what} size=${size} ts=`, '\n']];
}

function qemu({ isMap, space, iova, paddr, size, thread }: Request): readonly Line[] {
  const where = `iommufd=10 ioas=${space} iova=${hex(iova)} size=0x${size.toString(16)}`;
  const what = isMap ? `map_dma  ${where} addr=${hex(paddr)} readonly=0` : `unmap_dma  ${where}`;
  return [[`${thread}@`, `:iommufd_backend_${what} (0)\n`]];
}

/** What each tool makes of a request. */
export const FORMS = {
  ftrace: (request) => [[`${column(request)} d....     `, `: ${event(request)}\n`]],
  'trace-cmd report': (request) => [[`${column(request)}     `, `: ${event(request, 21)}\n`]],
  'trace-cmd report -l': (request) => [
    [`    task-${request.thread}     ${request.thread & 1}d....    `, `: ${event(request, 21)}\n`],
  ],
  'perf script': (request) => [
    [
      `            task ${request.thread} [00${request.thread & 1}]    `,
      `:                       iommu:${event(request)}\n`,
    ],
  ],
  'with dma events': dma,
  'with probes': probe,
  'kernel log': kernelLog,
  'key=value': keyValue,
  QEMU: qemu,
} as const satisfies Record<string, Form>;

export type FormName = keyof typeof FORMS;

/** At least so many lines of a form, in pieces of about a megabyte. */
export function* textOf(name: FormName, requests: readonly Request[], lines: number): Generator<string> {
  const form: Form = FORMS[name];
  const turn = requests.flatMap((request) => form(request));
  let text = '';
  let micros = 0;
  for (let i = 0; i < lines; i++) {
    const [before, after] = turn[i % turn.length];
    micros += STEP;
    text += `${before}${Math.floor(micros / 1e6)}.${String(micros % 1e6).padStart(6, '0')}${after}`;
    if (text.length < CHUNK) continue;
    yield text;
    text = '';
  }
  yield text;
}

export async function writeText(
  file: string,
  name: FormName,
  requests: readonly Request[],
  lines: number,
): Promise<void> {
  await write(file, textOf(name, requests, lines));
}

/** Writes pieces one after another. */
export async function write(file: string, pieces: Iterable<string | Buffer>): Promise<void> {
  const output = createWriteStream(file);
  await new Promise<void>((resolve, reject) => {
    Readable.from(pieces)
      .on('error', reject)
      .pipe(output)
      .on('error', reject)
      .on('finish', () => resolve());
  });
}

const PAGE = 4096;
/** Nanoseconds from one turn to the next: more than the recordings last. */
const TURN = 100_000_000_000n;

/**
 * A little-endian trace.dat of version 6 with the pages of each CPU again and again, later every time. Real: trace-cmd reads
 * it, too.
 */
export function* longTraceDat(recorded: Buffer, turns: number): Generator<Buffer> {
  const cpus = recorded.readUInt32LE(recorded.indexOf('options  \0', 0, 'latin1') - 4);
  const table = recorded.indexOf('flyrecord\0', 0, 'latin1') + 10;
  const rings = Array.from({ length: cpus }, (_, cpu) => {
    const at = table + cpu * 16;
    const from = Number(recorded.readBigUInt64LE(at));
    return recorded.subarray(from, from + Number(recorded.readBigUInt64LE(at + 8)));
  });
  let at = Number(recorded.readBigUInt64LE(table));
  const head = Buffer.from(recorded.subarray(0, at));
  for (const [cpu, ring] of rings.entries()) {
    head.writeBigUInt64LE(BigInt(at), table + cpu * 16);
    head.writeBigUInt64LE(BigInt(ring.length * turns), table + cpu * 16 + 8);
    at += ring.length * turns;
  }
  yield head;
  for (const ring of rings) {
    for (let turn = 0n; turn < turns; turn++) {
      const pages = Buffer.from(ring);
      for (let page = 0; page < pages.length; page += PAGE) {
        pages.writeBigUInt64LE(pages.readBigUInt64LE(page) + turn * TURN, page);
      }
      yield pages;
    }
  }
}

const SAMPLE = 9;
const FINISHED_ROUND = 68;
/** Where a sample has its time: behind its head, IDENTIFIER, IP and TID. */
const TIME_AT = 32;

/** A little-endian perf.data with its samples again and again, later every time. */
export function* longPerfData(recorded: Buffer, turns: number): Generator<Buffer> {
  const dataAt = Number(recorded.readBigUInt64LE(40));
  const dataEnd = dataAt + Number(recorded.readBigUInt64LE(48));
  const others: Buffer[] = [];
  const samples: Buffer[] = [];
  for (let at = dataAt; at < dataEnd; at += recorded.readUInt16LE(at + 6)) {
    const type = recorded.readUInt32LE(at);
    if (type === FINISHED_ROUND) continue;
    (type === SAMPLE ? samples : others).push(recorded.subarray(at, at + recorded.readUInt16LE(at + 6)));
  }
  const first = Buffer.concat(others);
  const turn = Buffer.concat(samples);
  const round = Buffer.from([FINISHED_ROUND, 0, 0, 0, 0, 0, 8, 0]);
  const length = first.length + turns * (turn.length + round.length);
  const head = Buffer.from(recorded.subarray(0, dataAt));
  head.writeBigUInt64LE(BigInt(length), 48);
  yield head;
  yield first;
  for (let count = 0n; count < turns; count++) {
    const later = Buffer.from(turn);
    for (let at = 0; at < later.length; at += later.readUInt16LE(at + 6)) {
      later.writeBigUInt64LE(later.readBigUInt64LE(at + TIME_AT) + count * TURN, at + TIME_AT);
    }
    yield later;
    yield round;
  }
  // The directory of features and what it points at move with the end of the records.
  const rest = Buffer.from(recorded.subarray(dataEnd));
  const moved = BigInt(dataAt + length - dataEnd);
  let features = 0;
  for (let bit = 0; bit < 256; bit++) if ((recorded[72 + (bit >> 3)] & (1 << (bit & 7))) !== 0) features++;
  for (let at = 0; at < features * 16; at += 16) rest.writeBigUInt64LE(rest.readBigUInt64LE(at) + moved, at);
  yield rest;
}
