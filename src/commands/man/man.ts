import type { Command } from 'commander';
import { nearest } from '../../base/edit-distance.ts';
import { EXIT_OK, usageError } from '../../base/errors.ts';
import { toolVersion } from '../../library/version.ts';
import type { Io } from '../process/io.ts';
import { StreamOutput } from '../process/output.ts';
import { commandPage, indexPage } from './markdown.ts';
import { manPage } from './page.ts';

/** `pgtrace man`: prints the manual page as roff, or pages of it as markdown. Returns the exit code. Throws usage errors. */
export function manCommand(program: Command, name: string | undefined, markdown: boolean, io: Io): number {
  if (name !== undefined && !markdown) {
    throw usageError(
      'the manual page holds all commands; --markdown prints that of one, or use `pgtrace help COMMAND`',
    );
  }
  const output = new StreamOutput(io.stdout);
  output.write(markdown ? markdownOf(program, name) : manPage(program, toolVersion()));
  output.close();
  return EXIT_OK;
}

function markdownOf(program: Command, name: string | undefined): string {
  if (name === undefined) return indexPage(program);
  const command = program.commands.find((candidate) => candidate.name() === name);
  if (command === undefined) {
    const names = program.commands.map((candidate) => candidate.name());
    const guess = nearest(name, names);
    throw usageError(`no command ${JSON.stringify(name)}${guess === null ? '' : ` (did you mean ${guess}?)`}`);
  }
  return commandPage(command);
}
