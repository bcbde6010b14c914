import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../cli/fake-io.ts';
import type { FuzzCase } from './cases.ts';

/** Exit codes of the machine contract that an input can lead to. */
const ALLOWED: ReadonlySet<number> = new Set([0, 1, 2, 3, 4]);
/**
 * Milliseconds that a run may take: of its own work, which other processes do not change, and on the clock, where it may
 * wait for something that never comes.
 */
const SLOW = 5000;
const HANGS = 30_000;
/** Control characters other than line feed, and tab of tables: they would command a terminal. */
const COMMANDS = /[\u0000-\u0008\u000b-\u001f\u007f\u009b]/;

/** A folder for the inputs of the cases, gone with `close`. */
export class FuzzRunner {
  readonly #folder = mkdtempSync(join(tmpdir(), 'pgtrace-fuzz-'));
  /** Runs by exit code. */
  readonly codes = new Map<number, number>();
  slowest = 0;

  /** Runs one case; what is wrong with what it came to, null when nothing is. */
  async run({ args, inputs, number }: FuzzCase): Promise<string | null> {
    const paths = inputs.map((input, at) => {
      const path = join(this.#folder, `input-${at}`);
      writeFileSync(path, input);
      return path;
    });
    const line = args.map((arg) => (arg === 'FILE' ? paths[0] : arg === 'OTHER' ? (paths[1] ?? paths[0]) : arg));
    const started = performance.now();
    const before = process.cpuUsage();
    const { code, stdout, stderr } = await runCli(line);
    const took = process.cpuUsage(before).user / 1000;
    const waited = performance.now() - started;
    this.slowest = Math.max(this.slowest, took);
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
    const wrong = judge(args, code, stdout, stderr, Math.max(took, waited - HANGS + SLOW));
    return wrong === null ? null : `case ${number}: pgtrace ${args.join(' ')}: ${wrong}`;
  }

  /** What the runs so far came to. */
  get summary(): string {
    const codes = [...this.codes].sort(([a], [b]) => a - b).map(([code, times]) => `exit ${code}: ${times}`);
    return `${codes.join(', ')}; the slowest worked ${Math.round(this.slowest)} ms`;
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function judge(args: readonly string[], code: number, stdout: string, stderr: string, took: number): string | null {
  if (!ALLOWED.has(code)) return `exit ${code}: ${stderr.slice(0, 600)}`;
  if (took > SLOW) return `worked ${Math.round(took)} ms`;
  if (/^\s+at .*:\d+:\d+\)?$/m.test(stderr)) return `a stack trace: ${stderr.slice(0, 600)}`;
  if (code > 1 && stderr.trim() === '') return `exit ${code} without a word`;
  for (const [name, text] of [
    ['stdout', stdout],
    ['stderr', stderr],
  ]) {
    const found = COMMANDS.exec(text);
    if (found !== null)
      return `${name} holds ${JSON.stringify(text.slice(Math.max(0, found.index - 60), found.index + 20))}`;
  }
  const html = args.includes('html') && code <= 1;
  if (html && /<script>alert|<img src=x/.test(stdout)) return 'names reach the page as markup';
  if (args.includes('--json') && args[0] === 'replay' && stdout !== '' && !isJson(stdout)) return 'stdout is no JSON';
  return null;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
