import type { ByteSource } from '../../source/byte-source.ts';
import type { BinaryReader, BinaryReaderMaker } from '../binary/binary-reader.ts';
import { RawPayloads } from '../binary/raw-payload.ts';
import type { EventSink } from '../event-sink.ts';
import { Comms } from './comms.ts';
import { readEventAttrs } from './event-attrs.ts';
import { checkData, FEATURE_TRACING_DATA, findFeature, readFileHeader } from './file-header.ts';
import { RecordDelivery } from './record-delivery.ts';
import { RecordOrdering } from './record-ordering.ts';
import { RecordReader } from './record-reader.ts';
import { perfDataError, RECORD } from './refusals.ts';
import { readTracingData } from './tracing-data.ts';

/** Reads perf.data files: the samples of tracepoints, in order of time. */
export const perfDataReader: BinaryReaderMaker = (bytes, name, sink, comms) =>
  new PerfDataReader(bytes, name, sink, comms);

class PerfDataReader implements BinaryReader {
  readonly format = 'perf.data';
  readonly #bytes: ByteSource;
  readonly #name: string;
  readonly #sink: EventSink;
  readonly #wantsComms: boolean;
  #delivery: RecordDelivery | null = null;

  constructor(bytes: ByteSource, name: string, sink: EventSink, comms: boolean) {
    this.#bytes = bytes;
    this.#name = name;
    this.#sink = sink;
    this.#wantsComms = comms;
  }

  get events(): number {
    return this.#delivery?.samples ?? 0;
  }

  *steps(): Generator<void, void> {
    const ordering = this.#open();
    while (ordering.fill()) {
      do yield;
      while (ordering.drain());
    }
    while (ordering.drain()) yield;
    if (!this.#sink.stopped && ordering.damage !== null) throw ordering.damage;
  }

  #open(): RecordOrdering {
    const bytes = this.#bytes;
    const name = this.#name;
    const header = readFileHeader(bytes, name);
    const { bigEndian } = header;
    const attrs = readEventAttrs(bytes, header, name);
    if (!header.features.includes(FEATURE_TRACING_DATA)) {
      throw perfDataError(
        name,
        `holds tracepoints and does not describe their fields, which only the recorded machine knows; record again with ${RECORD}`,
      );
    }
    checkData(bytes, header, name);
    const section = findFeature(bytes, header, FEATURE_TRACING_DATA, name) ?? { offset: 0, size: 0 };
    const tracing = readTracingData(bytes, section, name);
    const payloads = new RawPayloads(tracing.formats, tracing.bigEndian, tracing.longSize);
    const comms = this.#wantsComms ? new Comms(bigEndian) : null;
    this.#delivery = new RecordDelivery({ name, bigEndian, attrs, payloads, comms }, this.#sink);
    const records = new RecordReader(bytes, header.data, bigEndian, name);
    return new RecordOrdering(records, attrs, this.#delivery, { name, bigEndian, comms: this.#wantsComms });
  }
}
