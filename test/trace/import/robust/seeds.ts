import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { ATTACH, DMA_MAP_SG, MAP, PROBE_MAP, UNMAP } from '../binary/plans.ts';
import { MACHINES, rawEvent } from '../binary/raw-events.ts';
import { MAP_ID, PerfFile, UNMAP_ID } from '../perf-data/perf-file.ts';
import { SAMPLES } from '../read.ts';
import { Ring, storedZstd, version6, version7 } from '../trace-dat/build.ts';
import { sample } from '../trace-dat/collect.ts';
import { planOf } from '../trace-dat/plan.ts';
import { FORMS } from './forms.ts';

/** An input that is right. */
export interface Seed {
  readonly name: string;
  readonly data: Buffer;
  readonly isText: boolean;
}

const TRACES = join(import.meta.dirname, '../../../../traces');
const LINES = 80;

function traceDat(machine: (typeof MACHINES)[number], write: (plan: ReturnType<typeof planOf>) => Buffer): Buffer {
  const [first, second] = [new Ring(machine, 512), new Ring(machine, 512)];
  const second0 = 1_000_000_000n;
  for (let i = 0; i < 12; i++) {
    const at = second0 + BigInt(i * 1000);
    first.event(at, rawEvent(MAP, machine, { iova: i * 4096, paddr: 0x8000_0000, size: 4096 }, { pid: 7 }));
    second.event(at + 500n, rawEvent(UNMAP, machine, { iova: i * 4096, size: 4096, unmapped_size: 4096 }, { pid: 9 }));
  }
  const probe = { __probe_ip: 1, ttbr: 2, iova: 4096, paddr: 8192, pgsize: 4096, pgcount: 1, prot: 7 };
  second.extend(1n << 40n).page(second0 + (1n << 41n), 3);
  second.event(second0 + (1n << 41n), rawEvent(PROBE_MAP, machine, probe, { pid: 1 }));
  second.event(second0 + (1n << 42n), rawEvent(ATTACH, machine, { device: 'a device' }, { pid: 1 }));
  const lists = { phys_addrs: [1, 2], dma_addrs: [3, 4], lengths: [5, 6] };
  const sg = { device: 'dev', full_nents: 2, full_ents: 2, truncated: 0, dir: 1, attrs: 0, ...lists };
  second.event(second0 + (1n << 43n), rawEvent(DMA_MAP_SG, machine, sg, { pid: 1 }));
  const events = [MAP, UNMAP, PROBE_MAP, ATTACH, DMA_MAP_SG];
  return write(planOf(machine, [first.toBuffer(), second.toBuffer()], { pageSize: 512, events, comms: '9 foo\n' }));
}

function perfData(bigEndian: boolean): Buffer {
  const perf = new PerfFile(bigEndian);
  const attrs = [
    { config: MAP_ID, ids: [1] },
    { config: UNMAP_ID, ids: [2] },
  ];
  const records = Array.from({ length: 10 }, (_, i) => [
    perf.sample({}, { id: 1, time: 1000 + i * 2, raw: perf.map(i * 4096, 0x8000_0000, 4096) }),
    perf.sample({}, { id: 2, time: 1001 + i * 2, raw: perf.unmap(i * 4096, 4096) }),
  ]).flat();
  const trailer = perf.sampleId({}, { time: 1007 });
  const others = [perf.comm(7, 'foo', trailer), perf.lost(3, trailer), perf.round()];
  return perf.file({ attrs, records: [...records, ...others], features: perf.features() });
}

/** The first lines of a text. */
function start(text: string): Buffer {
  return Buffer.from(text.split('\n').slice(0, LINES).join('\n'), 'latin1');
}

/** The lines as a mail program wraps and quotes them. */
function mailed(text: string): string {
  return text.replace(/(.{60,76}) /g, '$1\n').replace(/^/gm, '> ');
}

function textSeeds(): Seed[] {
  const forms = Object.entries(FORMS);
  const mails = forms.filter((_, i) => i % 4 === 1).map(([name, text]) => [`mail of ${name}`, mailed(text)] as const);
  const samples = readdirSync(SAMPLES)
    .filter((name) => name.endsWith('.txt'))
    .map((name) => [name, readFileSync(join(SAMPLES, name), 'latin1')] as const);
  const traces = readdirSync(TRACES)
    .filter((name) => name.endsWith('.txt.gz'))
    .map((name) => [name, gunzipSync(readFileSync(join(TRACES, name))).toString('latin1')] as const);
  return [...forms, ...mails, ...samples, ...traces].map(([name, text]) => ({ name, data: start(text), isText: true }));
}

function binarySeeds(): Seed[] {
  const [little, big] = MACHINES;
  const seeds: [string, Buffer][] = [
    ['version 6', traceDat(little, version6)],
    ['version 6, big endian', traceDat(big, version6)],
    ...(['none', 'zlib', 'zstd'] as const).map((packed): [string, Buffer] => [
      `version 7, ${packed}`,
      traceDat(little, (plan) => version7(plan, packed)),
    ]),
    ['perf.data', perfData(false)],
    ['perf.data, big endian', perfData(true)],
    ...['version-6.dat.gz', 'version-7.dat.gz', 'version-7-zstd.dat.gz'].map((name): [string, Buffer] => [
      name,
      sample(name),
    ]),
    ['strict-6.1.perf.data', readFileSync(join(import.meta.dirname, '../perf-data/samples/strict-6.1.perf.data'))],
  ];
  return seeds.map(([name, data]) => ({ name, data, isText: false }));
}

export const TEXT_SEEDS = textSeeds();
export const BINARY_SEEDS = binarySeeds();

/** An input as a compressor leaves it. */
export const WRAPPINGS: readonly ((data: Buffer) => Buffer)[] = [(data) => gzipSync(data, { level: 1 }), storedZstd];
