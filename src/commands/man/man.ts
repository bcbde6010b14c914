import type { Command } from 'commander';
import { EXIT_OK } from '../../base/errors.ts';
import type { Io } from '../process/io.ts';
import { StreamOutput } from '../process/output.ts';
import { toolVersion } from '../process/version.ts';
import { manPage } from './page.ts';

/** `pgtrace man`: prints the manual page as roff. Returns the exit code. */
export function manCommand(program: Command, io: Io): number {
  const output = new StreamOutput(io.stdout);
  output.write(manPage(program, toolVersion()));
  output.close();
  return EXIT_OK;
}
