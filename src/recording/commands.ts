import type { Recipe } from './recipe.ts';
import { beside } from './text/beside.ts';
import { bootArguments } from './text/boot.ts';
import { BPFTRACE } from './text/bpftrace.ts';
import { FTRACE } from './text/ftrace.ts';
import { PERF, TRACE_CMD } from './text/recorders.ts';
import { scriptOf } from './text/script.ts';
import type { ScriptTool, ToolText } from './text/tool.ts';

/** What records, in the order of preference. */
export const TOOL_TEXTS: readonly ToolText[] = [FTRACE, TRACE_CMD, PERF, BPFTRACE];

export const TOOLS = ['ftrace', 'trace-cmd', 'perf', 'bpftrace', 'boot'] as const;
/** What `--tool` takes: the tools, and the kernel's command line. */
export type Tool = ScriptTool | 'boot';

/** Commands of one tool and nothing else: a script for sh, or one line for the kernel's command line. Ends with a line feed. */
export function toolCommands(recipe: Recipe, tool: Tool): string {
  if (tool === 'boot') return `${bootArguments(recipe).join(' ')}\n`;
  const text = TOOL_TEXTS.find((candidate) => candidate.tool === tool);
  if (text === undefined) throw new Error(`no text for ${tool}`);
  return scriptOf(recipe, text);
}

/** Every command text of a recipe by its name: the tools' scripts, and what stands beside them. */
export function allCommands(recipe: Recipe): Record<string, string> {
  const commands: Record<string, string> = {};
  for (const { tool } of TOOL_TEXTS) commands[tool] = toolCommands(recipe, tool);
  for (const { name, commands: lines } of beside(recipe.target.name, recipe.release)) {
    commands[name] = `${lines.join('\n')}\n`;
  }
  return commands;
}
