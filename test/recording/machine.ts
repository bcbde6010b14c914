import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** How a script ended. */
interface Ended {
  readonly status: number | null;
  readonly stderr: string;
}

/** A machine that a script finds: tools that note how they were called, and a directory in place of tracefs. */
export class Machine {
  readonly root = mkdtempSync(join(tmpdir(), 'pgtrace-'));
  readonly home = join(this.root, 'home');
  readonly tracing = join(this.root, 'tracing');
  readonly #bin = join(this.root, 'bin');

  constructor(uname: { readonly machine: string; readonly release: string }) {
    for (const folder of ['home', 'bin', 'tracing/per_cpu/cpu0'])
      mkdirSync(join(this.root, folder), { recursive: true });
    for (const group of ['lpae', 'iommu', 'dma']) mkdirSync(join(this.tracing, 'events', group), { recursive: true });
    this.put('buffer_size_kb', '7 (expanded: 1408)\n');
    this.put('per_cpu/cpu0/stats', 'entries: 12\noverrun: 0\ncommit overrun: 0\n');
    this.put('kprobe_profile', '  map    7    0\n  map_ret    7    0\n');
    for (const name of ['kprobe_events', 'trace', 'current_tracer']) this.put(name, '');
    this.put('trace_clock', '[local] global counter mono\n');
    this.put('tracing_on', '1\n');
    this.install('uname', `[ "$1" = -m ] && echo ${uname.machine} || echo ${uname.release}`);
  }

  put(name: string, text: string): void {
    writeFileSync(join(this.tracing, name), text);
  }

  file(name: string): string {
    return readFileSync(join(this.tracing, name), 'utf8');
  }

  install(name: string, body: string): void {
    const path = join(this.#bin, name);
    writeFileSync(path, `#!/bin/sh\n${body}\n`);
    chmodSync(path, 0o755);
  }

  /** Runs a script to its end, with these variables beside those of every machine. */
  run(script: string, work: readonly string[], variables: Readonly<Record<string, string>> = {}): Ended {
    const { status, stderr } = spawnSync('sh', ['-s', '--', ...work], {
      cwd: this.home,
      input: this.#moved(script),
      encoding: 'utf8',
      env: { ...this.#env(), ...variables },
    });
    return { status, stderr };
  }

  /**
   * Runs a script and, once its work has made the file `started` in the home folder, sends a signal to its shell alone or,
   * as a terminal does, to everything that the shell has started.
   */
  async interrupt(script: string, work: readonly string[], signal: NodeJS.Signals, all: boolean): Promise<Ended> {
    const shell = spawn('sh', ['-s', '--', ...work], { cwd: this.home, env: this.#env(), detached: true });
    const { pid } = shell;
    if (pid === undefined) throw new Error('no shell');
    let stderr = '';
    shell.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const ended = new Promise<number | null>((resolve) => shell.on('close', resolve));
    shell.stdin.end(this.#moved(script));
    for (let tries = 0; !existsSync(join(this.home, 'started')); tries++) {
      if (tries > 500) throw new Error(`the work never began: ${stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    process.kill(all ? -pid : pid, signal);
    return { status: await ended, stderr };
  }

  #moved(script: string): string {
    return script.replaceAll('/sys/kernel/tracing', this.tracing);
  }

  #env(): Record<string, string> {
    return { PATH: `${this.#bin}:${process.env['PATH']}`, ROOT: this.root };
  }

  /** The recording that a script leaves, unpacked. */
  recording(): string {
    return gunzipSync(readFileSync(join(this.home, 'recording.txt.gz'))).toString();
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
