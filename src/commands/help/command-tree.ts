import type { EventEmitter } from 'node:events';
import type { Argument, Command } from 'commander';
import { fittedNotes } from '../../report/wrap.ts';

/** `import <recording>`: a command with its arguments. */
export function commandTerm(command: Command): string {
  return [command.name(), ...command.registeredArguments.map(argumentTerm)].join(' ');
}

/** `<trace...>`, `[workload]`: an argument, several, one that may be left out. */
export function argumentTerm(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

/** How help is put together: by events, which the type of a command does not tell of. */
interface HelpEvent {
  readonly error: boolean;
  /** The text is wanted as it was declared, whatever the terminal. */
  readonly asDeclared?: boolean;
  write(text: string): void;
}

/** What stands below the options in a command's help: its examples, notes and exit codes. */
export function footerOf(command: Command): string {
  let text = '';
  const write = (piece: string): void => {
    text += piece;
  };
  (command as unknown as EventEmitter).emit('afterHelp', { error: false, command, asDeclared: true, write });
  return text;
}

/** Fits what stands below the options into terminals that are narrower than it was written for. */
export function fitFooter(command: Command): void {
  const footer = footerOf(command);
  const { getOutHelpWidth, getErrHelpWidth } = command.configureOutput();
  const emitter = command as unknown as EventEmitter;
  emitter.removeAllListeners('afterHelp');
  emitter.on('afterHelp', ({ error, asDeclared, write }: HelpEvent) => {
    const width = (error ? getErrHelpWidth : getOutHelpWidth)?.() ?? null;
    write(asDeclared === true ? footer : fittedNotes(footer, width));
  });
}

/** The command lines below `Examples:`, without what is said of them behind three spaces. */
export function examplesOf(command: Command): string[] {
  const lines = footerOf(command).split('\n');
  const start = lines.indexOf('Examples:') + 1;
  if (start === 0) return [];
  const end = lines.findIndex((line, i) => i >= start && !line.startsWith('  '));
  return lines.slice(start, end < 0 ? undefined : end).map((line) => line.trim().replace(/ {3,}.*/, ''));
}
