import type { Recipe } from '../recipe.ts';

export const SCRIPT_TOOLS = ['ftrace', 'trace-cmd', 'perf', 'bpftrace'] as const;
export type ScriptTool = (typeof SCRIPT_TOOLS)[number];

/** How one tool records. Commands are those of a shell; what is recorded is named `recording.*`. */
export interface ToolText {
  readonly tool: ScriptTool;
  /** What is good and bad about it. */
  readonly about: readonly string[];
  /** It uses the kernel's own probes (kprobe_events) and so works in the directory of tracefs. */
  readonly usesTracefs: boolean;
  /** Commands for a person at a root prompt, where tools that use them find the probes defined. */
  readonly prompt: (recipe: Recipe) => readonly string[];
  /** The middle of a script: `"$@"` is the work, `$here` where it is done and where the recording goes. */
  readonly script: (recipe: Recipe) => readonly string[];
}

/** Does the work where the person is; its failure is no reason to lose the recording. */
export const DO_THE_WORK = '(cd "$here" && "$@" < /dev/null) || echo "the command failed; what it did is recorded" >&2';
/** Stands for the work in commands for a person. */
export const THE_WORK = '# now the work that is to be recorded; then';
