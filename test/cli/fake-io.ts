import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import { run } from '../../src/cli.ts';
import type { Io, OutputStream } from '../../src/commands/process/io.ts';

/** What a test decides about the process that a command believes to run in. */
export interface FakeIoOptions {
  /** What standard input delivers; empty when left out. */
  readonly stdin?: string | Uint8Array | Iterable<Uint8Array>;
  readonly stdinIsTTY?: boolean;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** stdout and stderr are a terminal of this many columns. */
  readonly terminal?: { readonly columns: number; readonly colors: boolean };
}

/** Keeps what is written to it; `text` joins it on demand, so that long outputs stay cheap to collect. */
export class FakeStream extends EventEmitter implements OutputStream {
  readonly isTTY: boolean;
  readonly columns?: number;
  readonly #colors: boolean;
  readonly #pieces: string[] = [];

  constructor(terminal: FakeIoOptions['terminal']) {
    super();
    this.isTTY = terminal !== undefined;
    if (terminal !== undefined) this.columns = terminal.columns;
    this.#colors = terminal?.colors ?? false;
  }

  write(text: string): boolean {
    this.#pieces.push(text);
    return true;
  }

  hasColors(): boolean {
    return this.#colors;
  }

  get text(): string {
    return this.#pieces.join('');
  }

  /** The text as lines, without the empty one after the last newline. */
  get lines(): string[] {
    const lines = this.text.split('\n');
    if (lines.at(-1) === '') lines.pop();
    return lines;
  }
}

/** A process for `run(args, io)` that lives in memory. Signals come with `io.emit('SIGINT')`. */
export class FakeIo extends EventEmitter implements Io {
  readonly stdin: Readable & { isTTY?: boolean };
  readonly stdout: FakeStream;
  readonly stderr: FakeStream;
  readonly env: Readonly<Record<string, string | undefined>>;

  constructor(options: FakeIoOptions = {}) {
    super();
    this.stdin = Readable.from(chunks(options.stdin));
    if (options.stdinIsTTY === true) this.stdin.isTTY = true;
    this.stdout = new FakeStream(options.terminal);
    this.stderr = new FakeStream(options.terminal);
    this.env = options.env ?? {};
  }
}

function chunks(stdin: FakeIoOptions['stdin']): Iterable<Uint8Array> {
  if (stdin === undefined) return [];
  if (typeof stdin === 'string') return [Buffer.from(stdin)];
  return stdin instanceof Uint8Array ? [stdin] : stdin;
}

/** What one run of the command line left behind. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in this process. */
export async function runCli(args: readonly string[], options: FakeIoOptions = {}): Promise<CommandResult> {
  const io = new FakeIo(options);
  const code = await run(args, io);
  return { code, stdout: io.stdout.text, stderr: io.stderr.text };
}
