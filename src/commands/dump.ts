import { EXIT_OK } from '../base/errors.ts';
import { hex64, hexNumber } from '../base/u64.ts';
import { visitEntries } from '../lpae/visit.ts';
import type { Io } from './io.ts';
import { readOptions, replayOptions, type TraceCommandOptions } from './options.ts';
import { StreamOutput } from './output.ts';
import { report } from './replay.ts';
import { runReplay } from './run-replay.ts';

export interface DumpCommandOptions extends TraceCommandOptions {
  readonly view?: string;
  readonly json?: boolean;
}

export async function dumpCommand(path: string, options: DumpCommandOptions, io: Io): Promise<number> {
  const run = await runReplay(
    path,
    io,
    readOptions(options),
    replayOptions(options, null),
    null,
    null,
    options.quiet === true,
  );
  const output = new StreamOutput(io.stdout);
  for (const space of run.replayer.spaces) {
    const { table } = space;
    if (table === null) continue;
    visitEntries(table, (entry) => {
      output.write(
        `{"domain":${JSON.stringify(space.id)},"level":${entry.level},"table":"${hexNumber(table.memory.addressOf(entry.table))}","index":${entry.index},"iova":"${hex64(entry.iovaHi, entry.iovaLo)}","pte":"${hex64(entry.pteHi, entry.pteLo)}"}\n`,
      );
      return true;
    });
  }
  output.close();
  return run.outcome.error === null ? EXIT_OK : report(run.outcome.error, io);
}
