import { Readable } from 'node:stream';
import { inputError, type PgtraceError } from '../../base/errors.ts';
import type { StatsDocument } from '../../stats/document.ts';
import type { Row } from '../../sweep/row.ts';
import type { Io } from '../process/io.ts';
import { beginsLikeStatistics, LONGEST, statisticsIn } from './documents.ts';

const ENOUGH = 64 * 1024;

/** What standard input holds: statistics, or else a trace, which `rest` can read from its beginning. */
export interface Peeked {
  readonly statistics: (StatsDocument | Row)[] | null;
  readonly rest: Io;
}

/** Looks at the beginning of standard input; statistics are read whole. Throws PgtraceError for those that cannot be used. */
export async function peekStdin(io: Io): Promise<Peeked> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const iterator = io.stdin[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const next = async (): Promise<boolean> => {
    const { done, value } = await iterator.next();
    if (done === true) return false;
    const chunk = Buffer.from(value);
    chunks.push(chunk);
    bytes += chunk.length;
    return true;
  };
  while (bytes < ENOUGH && !chunks.at(-1)?.includes(10) && (await next()));
  if (beginsLikeStatistics(Buffer.concat(chunks))) {
    while (await next()) if (bytes > LONGEST) throw tooLong();
    const statistics = statisticsIn(Buffer.concat(chunks).toString('utf8'), '<stdin>');
    if (statistics !== null) return { statistics, rest: io };
  }
  const stdin = Readable.from(again(chunks, iterator), { objectMode: false });
  const { stdout, stderr, env } = io;
  return {
    statistics: null,
    rest: { stdin, stdout, stderr, env, on: io.on.bind(io), removeListener: io.removeListener.bind(io) },
  };
}

function tooLong(): PgtraceError {
  return inputError(`statistics of more than ${LONGEST / 1048576} MiB; is this one line of a trace?`, {
    file: '<stdin>',
    line: 1,
    column: 0,
  });
}

async function* again(chunks: readonly Buffer[], iterator: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield* chunks;
  for (let step = await iterator.next(); step.done !== true; step = await iterator.next()) yield step.value;
}
