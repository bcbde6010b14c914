import type { Decoder } from '../../decoder.ts';
import type { ByteSource } from '../../source/byte-source.ts';
import type { Importer } from '../importer.ts';
import type { BinaryReader, BinaryReaderMaker } from './binary-reader.ts';

/** A recording that is no text, as the opener of traces sees it. */
export class BinaryDecoder implements Decoder {
  readonly #importer: Importer;
  readonly #reader: BinaryReader;

  constructor(importer: Importer, name: string, make: BinaryReaderMaker, bytes: ByteSource, comms: boolean) {
    this.#importer = importer;
    this.#reader = make(bytes, name, importer, comms);
    importer.begin(this.#reader.format);
  }

  get format(): string {
    return this.#reader.format;
  }

  /** Events read so far: a binary recording has no lines. */
  get line(): number {
    return this.#reader.events;
  }

  /** Reads all; ends early when the consumer wants no more. Each step ends where others may have their turn. */
  steps(): Generator<void, void> {
    return this.#reader.steps();
  }

  decode(): void {}

  finish(): void {
    this.#importer.finish();
  }
}
