import type { EventEmitter } from 'node:events';
import type { Command, Option } from 'commander';
import { usageError } from '../../base/errors.ts';

/**
 * Lets every option of a command that takes one value refuse a second one, where the last would silently win. Options
 * that may come several times are known by their values: a list of all that were given.
 */
export function refuseRepeated(command: Command): void {
  for (const option of command.options) {
    if (option.required || option.optional) watch(command, option);
  }
}

function watch(command: Command, option: Option): void {
  let first: string | null = null;
  // Before the option takes the value. The events of options are not in the type of a command.
  (command as unknown as EventEmitter).prependListener(`option:${option.name()}`, (text: string | null) => {
    if (first === null) {
      first = text ?? '';
      return;
    }
    if (Array.isArray(command.getOptionValue(option.attributeName()))) return;
    const values = first === text ? `${first}, twice` : `${first}, then ${text ?? ''}`;
    throw usageError(`${option.long ?? option.short} takes one value; found ${values}`);
  });
}
