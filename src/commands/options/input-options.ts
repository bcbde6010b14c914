import { type Command, Option } from 'commander';
import { usageError } from '../../base/errors.ts';
import { parseSize } from '../../base/sizes.ts';
import { DOMAIN_KEYS, type DomainKey, LAYERS, type Layer } from '../../trace/import/import-options.ts';
import { parseFieldMap } from '../../trace/import/log/key-value.ts';
import type { ReadOptions } from '../../trace/open.ts';

/** How an input is to be read, as commander hands it over. */
export interface InputCommandOptions {
  readonly layer?: Layer;
  readonly lenient?: boolean;
  readonly domainBy?: DomainKey;
  readonly singleDomain?: boolean;
  readonly unwrap?: boolean;
  readonly fieldMap?: string;
  /** Bytes. */
  readonly maxDecompressed?: number;
}

const INPUT = 'Input:';

/** Adds the options that every command takes that reads traces or recordings. */
export function addInputOptions(command: Command): Command {
  const add = (option: Option): void => {
    option.helpGroup(INPUT);
    command.addOption(option);
  };
  add(
    new Option('--layer <layer>', 'of a recording that holds both: raw calls or requests (default: pgtable)').choices(
      LAYERS,
    ),
  );
  add(
    new Option(
      '--domain-by <what>',
      'what tells address spaces apart where a recording names none: command, pid as it is shown, or device of its dma:* events (default: the device where it is named, else inferred)',
    ).choices(DOMAIN_KEYS),
  );
  add(new Option('--single-domain', 'put requests that name no address space into one'));
  add(
    new Option(
      '--unwrap',
      'join lines that a mail program wrapped, and take off its quote marks (default: as they look)',
    ),
  );
  add(new Option('--field-map <list>', 'field names of key=value lines, such as iova=addr,size=len (ours=theirs)'));
  add(new Option('--lenient', 'skip and count lines that cannot be used'));
  add(maxDecompressedOption());
  return command;
}

/** The most that gzip or zstd may make of an input, for all commands that read files. */
export function maxDecompressedOption(): Option {
  return new Option(
    '--max-decompressed <size>',
    'most bytes that a compressed input may decompress to, such as 20G (default: any number of lines, 1G of what must be kept in memory: binary recordings, statistics)',
  ).argParser(size);
}

function size(text: string): number {
  const bytes = parseSize(text);
  if (bytes !== null && bytes > 0) return bytes;
  throw usageError(
    `--max-decompressed ${JSON.stringify(text)} is no size; it must be bytes such as 512M, 20G or 0x10000000`,
  );
}

/** How to read the input, from the options of the command line. Throws a usage error. */
export function readOptions(options: InputCommandOptions): ReadOptions {
  if (options.singleDomain === true && options.domainBy !== undefined) {
    throw usageError('--single-domain and --domain-by exclude each other');
  }
  return {
    lenient: options.lenient === true,
    layer: options.layer ?? null,
    domainBy: options.domainBy ?? null,
    singleDomain: options.singleDomain === true,
    unwrap: options.unwrap ?? null,
    maxDecompressed: options.maxDecompressed ?? null,
    fieldMap: options.fieldMap === undefined ? {} : parseFieldMap(options.fieldMap),
  };
}
