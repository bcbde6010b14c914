import type { Recipe } from '../recipe.ts';

export const SCRIPT_TOOLS = ['ftrace', 'trace-cmd', 'perf', 'bpftrace'] as const;
export type ScriptTool = (typeof SCRIPT_TOOLS)[number];

/** How one tool records. Commands are those of a shell; what is recorded is named `recording.*`, in the current directory. */
export interface ToolText {
  readonly tool: ScriptTool;
  /** What is good and bad about it, and what numbers in its commands are. */
  readonly about: (recipe: Recipe) => readonly string[];
  /** It uses the kernel's own probes (kprobe_events). */
  readonly usesTracefs: boolean;
  /** The file that it leaves. */
  readonly output: string;
  /** A file that is gone when it has succeeded. */
  readonly scratch: string | null;
  /** Commands for a person at a root prompt, where tools that use them find the probes defined. */
  readonly prompt: (recipe: Recipe) => readonly string[];
  /**
   * The middle of a script: `"$@"` is the work. `run SIGNAL COMMAND` runs a command without input until it ends or is stopped,
   * in which case SIGNAL is what stops it, and sets `$status` and `$stopped`; `fail TEXT` ends the script.
   */
  readonly script: (recipe: Recipe) => readonly string[];
}

/** Stands for the work in commands for a person. */
export const THE_WORK = '# now the work that is to be recorded; then';
/** What a person types in place of the work. */
export const COMMAND = 'COMMAND';

/** A command that does the work, tells of its failure and does not fail with it: what fails then is the recorder. */
export const DO_THE_WORK = `sh -c '"$@" || echo "the command failed (exit status $?); what it did is recorded" >&2' sh "$@"`;

/** Ends a script when the recorder has failed: a recorder that is stopped may say so by its exit status. */
export function checkRecorder(tool: ScriptTool, file: string): string[] {
  return [
    `[ "$status" -eq 0 ] || [ -n "$stopped" ] || fail "${tool} failed (exit status $status): there is no recording, and ${file} is of no use if it is there"`,
    `[ -s ${file} ] || fail "${tool} left no ${file}: there is no recording"`,
  ];
}
