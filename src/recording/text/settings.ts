import { TRACEFS } from './kprobe-events.ts';

/* Commands of a script that leaves the settings of tracefs as it found them. */

const SETTINGS = ['current_tracer', 'buffer_size_kb', 'trace_clock', 'tracing_on'] as const;

/**
 * Remembers the settings, and defines `restore_settings`. trace_clock marks one of several: `[local] global mono`; a buffer
 * that was never used has the size that it will have behind its own: `7 (expanded: 1408)`. CPUs with buffers of different
 * sizes read as X, which cannot be written. Nothing that is as it was is written again: a clock that is set empties the buffer.
 */
export function saveSettings(): string[] {
  return [
    'setting() {',
    `  sed -e 's/.*\\[\\(.*\\)\\].*/\\1/' -e 's/.*(expanded: \\([0-9]*\\)).*/\\1/' "${TRACEFS}/$1"`,
    '}',
    ...SETTINGS.map((name) => `${variable(name)}=$(setting ${name})`),
    'restore() {',
    `  [ -z "$2" ] || [ "$2" = X ] || [ "$(setting "$1")" = "$2" ] || echo "$2" > "${TRACEFS}/$1"`,
    '}',
    'restore_settings() {',
    ...SETTINGS.map((name) => `  restore ${name} "$${variable(name)}"`),
    '}',
  ];
}

function variable(name: string): string {
  return `old_${name}`;
}
