import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { cannotWrite } from './fs-errors.ts';

/** Names may have 255 bytes, of which the temporary one needs some for itself. */
const LONGEST_BASE = 200;
/** How often content is written anew because somebody took its file away. */
const TRIES = 5;

/**
 * A file that appears, whole, when it is closed: written beside its place and renamed. Devices and pipes are written
 * directly. Whatever fails leaves neither a descriptor nor a file behind, and throws an environment error.
 */
export class WholeFile {
  readonly #path: string;
  readonly #written: string;
  #fd: number | null;
  /** What went wrong at writing: the file never appears. */
  #failure: Error | null = null;

  /** Opens at once, so that a bad path fails before the long run. */
  constructor(path: string) {
    try {
      const there = existing(path);
      const special = there !== undefined && !there.isFile();
      // A link stays a link: what it points to is replaced.
      this.#path = there?.isFile() === true ? realpathSync(path) : path;
      this.#written = special ? this.#path : temporaryName(this.#path);
      this.#fd = openSync(this.#written, 'w');
    } catch (error) {
      throw cannotWrite(path, error);
    }
  }

  put(bytes: Uint8Array): void {
    if (this.#failure !== null) throw this.#failure;
    const fd = this.#fd;
    if (fd === null) throw new Error(`${this.#path} is closed`);
    this.#attempt(() => {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    });
  }

  /** Makes it appear. */
  close(): void {
    if (this.#failure !== null) throw this.#failure;
    const fd = this.#fd;
    if (fd === null) return;
    this.#attempt(() => {
      this.#fd = null;
      closeSync(fd);
      if (this.#written !== this.#path) renameSync(this.#written, this.#path);
    });
  }

  /** Leaves no trace of it. */
  discard(): void {
    const fd = this.#fd;
    this.#fd = null;
    try {
      if (fd !== null) closeSync(fd);
    } catch {
      // What would have been written is not wanted any more.
    }
    if (this.#written !== this.#path) rmSync(this.#written, { force: true });
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#failure = cannotWrite(this.#path, error);
      // For who can try again.
      this.#failure.cause = error;
      this.discard();
      throw this.#failure;
    }
  }
}

/** Writes a file that appears whole, or not at all. Throws an environment error. */
export function writeWhole(path: string, content: string | Uint8Array): void {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  for (let tries = 1; ; tries++) {
    const file = new WholeFile(path);
    try {
      file.put(bytes);
      file.close();
      return;
    } catch (error) {
      // Somebody on another machine took this process for dead and tidied up.
      const gone = ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
      if (!gone || tries === TRIES) throw error;
    }
  }
}

/** Takes away what processes that were killed have left of a file half written: this machine's, so that nobody needs it. */
export function tidyBeside(path: string): void {
  try {
    const folder = dirname(path);
    const base = basename(path);
    for (const name of readdirSync(folder)) {
      const half = name.startsWith(base) ? halfFile(name) : null;
      if (half !== null && half.base === base && half.writer === 'gone') rmSync(join(folder, name), { force: true });
    }
  } catch {
    // What is left behind is in nobody's way.
  }
}

/** A file that a process has half written, as its name tells it. */
export interface HalfFile {
  /** What it would have become. */
  readonly base: string;
  /** `gone`: its process ran on this machine and does not any more. `unknown`: it ran or runs on another one. */
  readonly writer: 'alive' | 'gone' | 'unknown';
}

/** What the name of a file tells; null when it is no half-written one. */
export function halfFile(name: string): HalfFile | null {
  const match = /^(.+)\.([0-9a-f]{8})-(\d+)-[0-9a-f]{12}\.tmp$/.exec(name);
  if (match === null) return null;
  const [, base, where, pid] = match;
  return { base, writer: where !== machine() ? 'unknown' : isAlive(Number(pid)) ? 'alive' : 'gone' };
}

/** A name beside a file that is nobody else's, and tells whose it is. */
export function temporaryName(path: string): string {
  const base = basename(path);
  const stem = Buffer.byteLength(base) > LONGEST_BASE ? 'pgtrace' : base;
  return join(dirname(path), `${stem}.${machine()}-${process.pid}-${randomBytes(6).toString('hex')}.tmp`);
}

/** What is at a path; undefined when there is nothing. Throws what the file system throws. */
function existing(path: string): ReturnType<typeof statSync> {
  return statSync(path, { throwIfNoEntry: false });
}

let known: string | undefined;

/** Stands for where a process id means what it means here: the machine, its start, on Linux the container. */
function machine(): string {
  known ??= createHash('sha256')
    .update(hostname())
    .update(orNothing(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')))
    .update(orNothing(() => readlinkSync('/proc/self/ns/pid')))
    .digest('hex')
    .slice(0, 8);
  return known;
}

function orNothing(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
