import type { Readable } from 'node:stream';

/** A terminal or a pipe to write to. */
export interface OutputStream {
  write(text: string): boolean;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly destroyed?: boolean;
  /** Descriptor of a stream of the real process. */
  readonly fd?: number;
  hasColors?(): boolean;
  on?(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
}

/** The process as the commands see it; tests hand in their own. */
export interface Io {
  readonly stdin: Readable & { isTTY?: boolean };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  on(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  removeListener(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
}

/** `auto`: colour on a terminal, unless NO_COLOR asks for none. */
export type ColorChoice = 'always' | 'never' | 'auto';

/** Decides colour for one stream: option, then NO_COLOR, then FORCE_COLOR, then what the terminal says. */
export function wantsColor(choice: ColorChoice, stream: OutputStream, env: Io['env']): boolean {
  if (choice !== 'auto') return choice === 'always';
  if ((env['NO_COLOR'] ?? '') !== '') return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return stream.isTTY === true && (stream.hasColors?.() ?? false);
}

/** Columns of a terminal; null off a terminal, where lines may be of any length. */
export function terminalWidth(stream: OutputStream): number | null {
  // Some terminals do not know how wide they are, and say 0.
  return stream.isTTY === true ? stream.columns || null : null;
}
