import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environmentError } from '../../base/errors.ts';
import { feedEvents, type HeldTrace } from '../../reduce/held-trace.ts';
import type { Batch } from '../../trace/batch.ts';
import type { Event } from '../../trace/events.ts';
import type { EventNames } from '../../trace/ndjson/encode.ts';
import { LineEncoder } from '../../trace/ndjson/line-encoder.ts';
import { cannotWrite } from '../process/fs-errors.ts';
import type { Trial } from './replay-trial.ts';

/** Asks a shell command about each part of a trace, which it finds in a file of a temporary folder. */
export class CommandTrial implements Trial {
  readonly #trace: HeldTrace;
  readonly #command: string;
  readonly #folder: string;
  #running: ReturnType<typeof spawn> | null = null;

  /** Throws an environment error when there can be no folder. */
  constructor(trace: HeldTrace, command: string) {
    this.#trace = trace;
    this.#command = withFile(command);
    try {
      this.#folder = mkdtempSync(join(tmpdir(), 'pgtrace-reduce-'));
    } catch (error) {
      throw cannotWrite(tmpdir(), error);
    }
  }

  part(indices: readonly number[]): Promise<boolean> {
    const pieces: Buffer[] = [];
    const encoder = encoderInto(this.#trace.names, pieces);
    this.#trace.feed(indices, (batch) => {
      encoder.encode(batch);
      return true;
    });
    encoder.finish();
    return this.#ask(pieces);
  }

  events(events: readonly Event[]): Promise<boolean> {
    return this.#ask([encodeEvents(events)]);
  }

  /** Ends a command that runs. */
  stop(): void {
    this.#running?.kill('SIGTERM');
  }

  /** Takes the folder away. */
  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #ask(pieces: readonly Buffer[]): Promise<boolean> {
    const path = join(this.#folder, 'candidate.ndjson');
    try {
      writeFileSync(path, Buffer.concat(pieces));
    } catch (error) {
      throw cannotWrite(path, error);
    }
    return new Promise((resolve, reject) => {
      // Nothing that the command says belongs to the trace.
      const child = spawn('sh', ['-c', this.#command, 'sh', path], { stdio: 'ignore' });
      this.#running = child;
      child.on('error', (error) => reject(environmentError(`--keep-if: cannot run a shell: ${error.message}`)));
      child.on('exit', (code) => {
        this.#running = null;
        if (code === 127) reject(environmentError(`--keep-if: the shell does not know the command (${this.#command})`));
        else resolve(code === 0);
      });
    });
  }
}

/** The command with its file: in place of `{}`, where it names `$1` itself, else as the last argument. */
function withFile(command: string): string {
  if (command.includes('{}')) return command.replaceAll('{}', '"$1"');
  return /\$(1|\{1|@|\*)/.test(command) ? command : `${command} "$1"`;
}

/** Events as lines of the trace language. */
export function encodeEvents(events: readonly Event[]): Buffer {
  const pieces: Buffer[] = [];
  feedEvents(events, (batch: Batch, names) => {
    const encoder = encoderInto(names, pieces);
    encoder.encode(batch);
    encoder.finish();
    return true;
  });
  return Buffer.concat(pieces);
}

function encoderInto(names: EventNames, pieces: Buffer[]): LineEncoder {
  return new LineEncoder(names, (bytes) => pieces.push(Buffer.from(bytes)));
}
