import { deflateSync } from 'node:zlib';
import { Bytes, type EventPlan, formatFile, type Machine } from '../binary/raw-events.ts';

export { Ring } from './ring.ts';

/** A trace instance: what each CPU's ring buffer held. */
export interface Instance {
  readonly name: string;
  readonly clock?: string;
  readonly cpus: readonly Buffer[];
  /** Numbers of the CPUs where they are not 0, 1, 2. */
  readonly numbers?: readonly number[];
}

export interface TraceDatPlan {
  readonly machine: Machine;
  readonly pageSize?: number;
  readonly events: readonly EventPlan[];
  readonly top: Instance;
  readonly instances?: readonly Instance[];
  readonly comms?: string;
  readonly kallsyms?: string;
  /** Options by number: a text, or bytes. */
  readonly options?: readonly (readonly [id: number, data: string | Buffer])[];
}

function headerPage(machine: Machine, pageSize: number): string {
  const { longSize } = machine;
  const fields = [
    '\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;',
    `\tfield: local_t commit;\toffset:8;\tsize:${longSize};\tsigned:1;`,
    '\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;',
    `\tfield: char data;\toffset:${8 + longSize};\tsize:${pageSize - 8 - longSize};\tsigned:0;`,
  ];
  return `${fields.join('\n')}\n`;
}

const HEADER_EVENT = `# compressed entry header
\ttype_len    :    5 bits
\ttime_delta  :   27 bits
\tarray       :   32 bits

\tpadding     : type == 29
\ttime_extend : type == 30
\ttime_stamp : type == 31
\tdata max type_len  == 28
`;

function sized(bytes: Bytes, size: number, text: string): Bytes {
  return bytes.number(size, text.length).text(text);
}

function headers(plan: TraceDatPlan): Bytes {
  const bytes = new Bytes(plan.machine.bigEndian).text('header_page\0');
  sized(bytes, 8, headerPage(plan.machine, plan.pageSize ?? 4096)).text('header_event\0');
  return sized(bytes, 8, HEADER_EVENT);
}

function eventFormats(plan: TraceDatPlan): Bytes {
  const systems = [...new Set(plan.events.map(({ system }) => system))];
  const bytes = new Bytes(plan.machine.bigEndian).number(4, systems.length);
  for (const system of systems) {
    const events = plan.events.filter((event) => event.system === system);
    bytes.text(`${system}\0`).number(4, events.length);
    for (const event of events) sized(bytes, 8, formatFile(event, plan.machine));
  }
  return bytes;
}

function head({ machine, pageSize = 4096 }: TraceDatPlan, version: number): Bytes {
  const bytes = new Bytes(machine.bigEndian).text(`\x17\x08\x44tracing${version}\0`);
  return bytes
    .number(1, machine.bigEndian ? 1 : 0)
    .number(1, machine.longSize)
    .number(4, pageSize);
}

function option(bytes: Bytes, id: number, data: string | Buffer): void {
  const value = typeof data === 'string' ? Buffer.from(`${data}\0`, 'latin1') : data;
  bytes.number(2, id).number(4, value.length).raw(value);
}

/** A file of version 6. */
export function version6(plan: TraceDatPlan): Buffer {
  const { machine, pageSize = 4096, top, instances = [], options = [] } = plan;
  const { bigEndian } = machine;
  const start = head(plan, 6).raw(headers(plan).toBuffer()).number(4, 0).raw(eventFormats(plan).toBuffer());
  sized(start, 4, plan.kallsyms ?? '');
  start.number(4, 0);
  sized(start, 8, plan.comms ?? '').number(4, top.cpus.length);
  // Where the data will be depends on what comes before it, whose length does not depend on it.
  const build = (dataAt: number, instancesAt: number): Buffer => {
    const bytes = new Bytes(bigEndian).raw(start.toBuffer()).text('options  \0');
    for (const [id, data] of options) option(bytes, id, data);
    let at = dataAt;
    let described = instancesAt;
    for (const instance of instances) {
      option(bytes, 3, new Bytes(bigEndian).number(8, described).text(`${instance.name}\0`).toBuffer());
      described += 10 + 16 * instance.cpus.length;
    }
    bytes.number(2, 0);
    const describe = (one: Instance): void => {
      bytes.text('flyrecord\0');
      for (const cpu of one.cpus) {
        bytes.number(8, at).number(8, cpu.length);
        at += cpu.length;
      }
    };
    describe(top);
    if (top.clock !== undefined) {
      const clock = `local [${top.clock}] x`;
      bytes.number(8, clock.length).text(clock);
    }
    const found = bytes.length;
    for (const instance of instances) describe(instance);
    bytes.align(pageSize);
    if (dataAt === 0) return build(bytes.length, found);
    return Buffer.concat([bytes.toBuffer(), ...top.cpus, ...instances.flatMap((one) => one.cpus)]);
  };
  return build(0, 0);
}

/** A file of version 7; pages in blocks of a few when it is compressed. */
export function version7(plan: TraceDatPlan, compression: 'none' | 'zlib' | 'zstd', pagesPerBlock = 2): Buffer {
  const { machine, pageSize = 4096, top, instances = [], options = [] } = plan;
  const { bigEndian } = machine;
  const isPacked = compression !== 'none';
  const start = head(plan, 7).text(`${compression}\0${isPacked ? '1.2.3' : ''}\0`);
  const file = new Bytes(bigEndian).raw(Buffer.alloc(start.length + 8));
  const pack = (data: Buffer): Buffer => (compression === 'zlib' ? deflateSync(data) : storedZstd(data));
  const block = (data: Buffer): Buffer => {
    const packed = pack(data);
    return new Bytes(bigEndian).number(4, packed.length).number(4, data.length).raw(packed).toBuffer();
  };
  const blocks = (data: Buffer): Buffer => {
    const size = pageSize * pagesPerBlock;
    const count = Math.ceil(data.length / size);
    const bytes = new Bytes(bigEndian).number(4, count);
    for (let i = 0; i < count; i++) bytes.raw(block(data.subarray(i * size, (i + 1) * size)));
    return bytes.toBuffer();
  };
  const section = (id: number, data: Buffer, mayPack = true): Buffer => {
    const at = file.length;
    const contents = isPacked && mayPack ? block(data) : data;
    file
      .number(2, id)
      .number(2, isPacked && mayPack ? 1 : 0)
      .number(4, 0)
      .number(8, contents.length)
      .raw(contents);
    return new Bytes(bigEndian).number(8, at).toBuffer();
  };
  const first = new Bytes(bigEndian);
  const text = (size: number, value: string): Buffer => sized(new Bytes(bigEndian), size, value).toBuffer();
  option(first, 16, section(16, headers(plan).toBuffer()));
  option(first, 17, section(17, new Bytes(bigEndian).number(4, 0).toBuffer()));
  option(first, 18, section(18, eventFormats(plan).toBuffer()));
  if (plan.kallsyms !== undefined) option(first, 19, section(19, text(4, plan.kallsyms)));
  if (plan.comms !== undefined) option(first, 21, section(21, text(8, plan.comms)));
  for (const [id, data] of options) option(first, id, data);
  // The buffers follow in options of their own, as trace-cmd does it.
  const second = new Bytes(bigEndian);
  for (const instance of [top, ...instances]) {
    const headAt = file.length;
    const sectionStart = new Bytes(bigEndian)
      .number(8, headAt)
      .text(`${instance.name}\0${instance.clock ?? 'local'}\0`);
    const described = sectionStart.number(4, pageSize).number(4, instance.cpus.length);
    const body = new Bytes(bigEndian);
    for (const [i, cpu] of instance.cpus.entries()) {
      const at = Math.ceil((headAt + 16 + body.length) / pageSize) * pageSize;
      body.raw(Buffer.alloc(at - headAt - 16 - body.length));
      const packed = isPacked && cpu.length > 0 ? blocks(cpu) : cpu;
      body.raw(packed);
      // trace-cmd leaves the number of blocks out of the size.
      const length = packed === cpu ? cpu.length : packed.length - 4;
      described
        .number(4, instance.numbers?.[i] ?? i)
        .number(8, at)
        .number(8, length);
    }
    file
      .number(2, 3)
      .number(2, isPacked ? 1 : 0)
      .number(4, 0)
      .number(8, body.length)
      .raw(body.toBuffer());
    option(second, 3, described.toBuffer());
  }
  option(second, 0, Buffer.alloc(8));
  const secondAt = section(0, second.toBuffer(), false);
  option(first, 0, secondAt);
  const firstAt = section(0, first.toBuffer(), false);
  const all = file.toBuffer();
  start.raw(firstAt).toBuffer().copy(all);
  return all;
}

/** A zstd frame whose blocks are stored as they are. */
export function storedZstd(data: Buffer): Buffer {
  const bytes = new Bytes(false).number(4, 0xfd2fb528).number(1, 0xa0).number(4, data.length);
  for (let at = 0; at < data.length || at === 0; at += 65536) {
    const piece = data.subarray(at, at + 65536);
    const isLast = at + 65536 >= data.length;
    bytes.number(3, (piece.length << 3) | (isLast ? 1 : 0)).raw(piece);
  }
  return bytes.toBuffer();
}
