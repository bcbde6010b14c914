import { ByteWriter } from './byte-writer.ts';

/** PERF_SAMPLE_* bits. */
export const S = {
  ip: 1 << 0,
  tid: 1 << 1,
  time: 1 << 2,
  addr: 1 << 3,
  read: 1 << 4,
  callchain: 1 << 5,
  id: 1 << 6,
  cpu: 1 << 7,
  period: 1 << 8,
  streamId: 1 << 9,
  raw: 1 << 10,
  branchStack: 1 << 11,
  identifier: 1 << 16,
} as const;

/** PERF_FORMAT_* bits. */
export const R = { enabled: 1, running: 2, id: 4, group: 8, lost: 16 } as const;

/** What perf asks of tracepoints by default. */
export const USUAL = S.identifier | S.ip | S.tid | S.time | S.cpu | S.period | S.raw;

export const MAP_ID = 996;
export const UNMAP_ID = 995;
export const OTHER_ID = 301;

export interface AttrSpec {
  readonly type?: number;
  readonly config: number;
  readonly sampleType?: number;
  readonly readFormat?: number;
  readonly ids: readonly number[];
  readonly period?: number;
  readonly freq?: boolean;
  readonly sampleIdAll?: boolean;
}

export interface FileSpec {
  readonly attrs?: readonly AttrSpec[];
  readonly records: readonly Buffer[];
  /** Feature sections by number; the tracing data of `tracingData` unless given. */
  readonly features?: ReadonlyMap<number, Buffer>;
  /** What `data.size` says, in place of the truth. */
  readonly dataSize?: number;
}

export interface SampleValues {
  readonly id?: number;
  readonly pid?: number;
  readonly tid?: number;
  readonly time?: number | bigint;
  readonly cpu?: number;
  readonly callchain?: readonly (number | bigint)[];
  /** Counters of a group, one without. */
  readonly counters?: number;
  readonly raw?: Buffer;
}

/** Parts of perf.data files and whole ones, as perf of one byte order writes them. */
export class PerfFile {
  readonly bigEndian: boolean;
  /** What the counters in samples stand at. */
  #count = 1;

  constructor(bigEndian = false) {
    this.bigEndian = bigEndian;
  }

  bytes(): ByteWriter {
    return new ByteWriter(this.bigEndian);
  }

  record(type: number, body: Buffer, misc = 0): Buffer {
    return this.bytes()
      .u32(type)
      .u16(misc, body.length + 8)
      .bytes(body)
      .done();
  }

  /** A sample by the rules of `perf_output_sample`. */
  sample({ sampleType = USUAL, readFormat = 0 }: Partial<AttrSpec>, values: SampleValues): Buffer {
    const { id = 1, pid = 7, tid = pid, time = 1, cpu = 0 } = values;
    const w = this.bytes();
    const has = (bit: number) => (sampleType & bit) !== 0;
    if (has(S.identifier)) w.u64(id);
    if (has(S.ip)) w.u64(0xffff800010000000n);
    if (has(S.tid)) w.u32(pid, tid);
    if (has(S.time)) w.u64(time);
    if (has(S.addr)) w.u64(0xdead);
    if (has(S.id)) w.u64(id);
    if (has(S.streamId)) w.u64(id);
    if (has(S.cpu)) w.u32(cpu, 0);
    if (has(S.period)) w.u64(1);
    if (has(S.read)) this.#counters(w, readFormat, id, values.counters ?? 1);
    if (has(S.callchain)) w.u64(values.callchain?.length ?? 0).u64(...(values.callchain ?? []));
    if (has(S.raw)) {
      const raw = values.raw ?? Buffer.alloc(4);
      const padding = (8 - ((raw.length + 4) % 8)) % 8;
      w.u32(raw.length + padding)
        .bytes(raw)
        .bytes(Buffer.alloc(padding));
    }
    if (has(S.branchStack)) w.u64(0);
    return this.record(9, w.done(), 1);
  }

  #counters(w: ByteWriter, readFormat: number, id: number, counters: number): void {
    const has = (bit: number) => (readFormat & bit) !== 0;
    const one = () => {
      w.u64(this.#count++);
      if (!has(R.group)) times();
      if (has(R.id)) w.u64(id);
      if (has(R.lost)) w.u64(0);
    };
    const times = () => {
      if (has(R.enabled)) w.u64(1000);
      if (has(R.running)) w.u64(1000);
    };
    if (has(R.group)) {
      w.u64(counters);
      times();
      for (let i = 0; i < counters; i++) one();
    } else one();
  }

  /** What other records than samples end with. */
  sampleId({ sampleType = USUAL }: Partial<AttrSpec>, values: SampleValues): Buffer {
    const { id = 1, pid = 7, tid = pid, time = 1, cpu = 0 } = values;
    const w = this.bytes();
    const has = (bit: number) => (sampleType & bit) !== 0;
    if (has(S.tid)) w.u32(pid, tid);
    if (has(S.time)) w.u64(time);
    if (has(S.id)) w.u64(id);
    if (has(S.streamId)) w.u64(id);
    if (has(S.cpu)) w.u32(cpu, 0);
    if (has(S.identifier)) w.u64(id);
    return w.done();
  }

  comm(tid: number, name: string, trailer: Buffer = Buffer.alloc(0)): Buffer {
    return this.record(3, this.bytes().u32(tid, tid).text(name).align().bytes(trailer).done());
  }

  fork(tid: number, parent: number, trailer: Buffer): Buffer {
    return this.record(7, this.bytes().u32(tid, parent, tid, parent).u64(1).bytes(trailer).done());
  }

  lost(count: number | bigint, trailer: Buffer, id = 1): Buffer {
    return this.record(2, this.bytes().u64(id, count).bytes(trailer).done());
  }

  lostSamples(count: number, trailer: Buffer, misc = 0): Buffer {
    return this.record(13, this.bytes().u64(count).bytes(trailer).done(), misc);
  }

  round(): Buffer {
    return this.record(68, Buffer.alloc(0));
  }

  /** The kernel's bytes of `iommu:map`; flags 0x10: in a softirq. */
  map(iova: number | bigint, paddr: number | bigint, size: number, pid = 7, flags = 0): Buffer {
    return this.#common(MAP_ID, pid, flags).u64(iova, paddr, size).done();
  }

  unmap(iova: number | bigint, size: number, unmapped = size, pid = 7): Buffer {
    return this.#common(UNMAP_ID, pid, 0).u64(iova, size, unmapped).done();
  }

  other(pid = 7): Buffer {
    return this.#common(OTHER_ID, pid, 0).u64(5).done();
  }

  #common(id: number, pid: number, flags: number): ByteWriter {
    return this.bytes().u16(id).u8(flags, 0).u32(pid);
  }

  /** The feature that describes the events. */
  tracingData(): Buffer {
    const w = this.bytes().bytes(Buffer.from('\x17\x08\x44tracing', 'latin1')).text('0.6');
    w.u8(this.bigEndian ? 1 : 0, 8).u32(4096);
    for (const part of ['header_page', 'header_event']) w.text(part).u64(5).bytes(Buffer.from('text\n'));
    w.u32(0).u32(2);
    this.#system(w, 'iommu', [
      formatText('map', MAP_ID, ['u64 iova', 'u64 paddr', 'size_t size']),
      formatText('unmap', UNMAP_ID, ['u64 iova', 'size_t size', 'size_t unmapped_size']),
    ]);
    this.#system(w, 'sched', [formatText('sched_other', OTHER_ID, ['u64 what'])]);
    return w.u32(0).u32(0).u64(0).done();
  }

  #system(w: ByteWriter, system: string, formats: readonly string[]): void {
    w.text(system).u32(formats.length);
    for (const format of formats) w.u64(format.length).bytes(Buffer.from(format));
  }

  file({ attrs = [{ config: MAP_ID, ids: [1] }], records, features, dataSize }: FileSpec): Buffer {
    const present = features ?? new Map([[1, this.tracingData()]]);
    const idBytes = this.bytes();
    const attrBytes = this.bytes();
    const idsAt = 104;
    for (const attr of attrs) {
      attrBytes.bytes(this.#attr(attr)).u64(idsAt + idBytes.length, attr.ids.length * 8);
      idBytes.u64(...attr.ids);
    }
    const attrsAt = idsAt + idBytes.length;
    const dataAt = attrsAt + attrBytes.length;
    const data = Buffer.concat(records);
    const numbers = [...present.keys()].sort((a, b) => a - b);
    const w = this.bytes().bytes(Buffer.from(this.bigEndian ? '2ELIFREP' : 'PERFILE2'));
    w.u64(104, 144, attrsAt, attrBytes.length, dataAt, dataSize ?? data.length, 0, 0);
    // A big-endian file shows the width of its longs by the host's name, feature 3.
    for (let long = 0; long < 4; long++) {
      w.u64(numbers.filter((n) => n >> 6 === long).reduce((bits, n) => bits | (1n << BigInt(n & 63)), 0n));
    }
    w.bytes(idBytes.done()).bytes(attrBytes.done()).bytes(data);
    let at = w.length + numbers.length * 16;
    for (const number of numbers) {
      const size = present.get(number)?.length ?? 0;
      w.u64(at, size);
      at += size;
    }
    for (const number of numbers) w.bytes(present.get(number) ?? Buffer.alloc(0));
    return w.done();
  }

  /** Tracing data and the features that perf itself needs to accept a file. */
  features(): Map<number, Buffer> {
    const text = (value: string) =>
      this.bytes()
        .u32(8)
        .bytes(Buffer.from(value.padEnd(8, '\0')))
        .done();
    return new Map([
      [1, this.tracingData()],
      [3, text('host')],
      [5, text('6.1')],
    ]);
  }

  #attr({
    type = 2,
    config,
    sampleType = USUAL,
    readFormat = 0,
    period = 1,
    freq = false,
    sampleIdAll = true,
  }: AttrSpec) {
    const flags = Buffer.alloc(8);
    const set = (bit: number) => {
      flags[bit >> 3] |= this.bigEndian ? 0x80 >> (bit & 7) : 1 << (bit & 7);
    };
    if (freq) set(10);
    if (sampleIdAll) set(18);
    const w = this.bytes().u32(type, 128).u64(config, period, sampleType, readFormat).bytes(flags);
    return w.bytes(Buffer.alloc(128 - w.length)).done();
  }
}

/** A `format` file whose own fields have 8 bytes each. */
function formatText(name: string, id: number, fields: readonly string[]): string {
  const common = [
    'unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;',
    'unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;',
    'unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;',
    'int common_pid;\toffset:4;\tsize:4;\tsigned:1;',
  ];
  const own = fields.map((field, i) => `${field};\toffset:${8 + i * 8};\tsize:8;\tsigned:0;`);
  const lines = (list: readonly string[]) => list.map((line) => `\tfield:${line}\n`).join('');
  const names = fields.map((field) => field.split(' ')[1]);
  const print = `"${names.map((one) => `${one}=0x%llx`).join(' ')}", ${names.map((one) => `REC->${one}`).join(', ')}`;
  return `name: ${name}\nID: ${id}\nformat:\n${lines(common)}\n${lines(own)}\nprint fmt: ${print}\n`;
}
