import {
  constant,
  dictionary,
  flag,
  integer,
  list,
  natural,
  nullable,
  object,
  type Schema,
  schemaDocument,
  text,
  word,
} from '../../base/json-schema.ts';
import { TOOL_SCHEMA } from '../../stats/schema/stats-schema.ts';
import { DMA_MODELS } from '../../window/models/model.ts';
import { NESTINGS } from '../../window/nested/options.ts';
import { WINDOWS_SCHEMA } from './models-table.ts';

const MODEL: Schema = object('What one way of mapping guest memory came to.', {
  model: word('Its name.', DMA_MODELS),
  pins: natural('Pages pinned; CPU pages, but for v1, which pins for each TCE.'),
  pinCalls: natural('Requests to pin.'),
  accountCalls: natural('Changes of the account of locked memory.'),
  lockedPeak: natural('CPU pages that were locked at most.'),
  lockedPeakBytes: natural('The same in bytes.'),
  entriesWritten: natural('TCEs or leaves written for maps.'),
  tableBytes: natural('Most table bytes that there were.'),
  tableBytesAccounted: natural('Most table bytes that locked memory was charged with.'),
  invalidations: natural('Invalidations, each of a range.'),
  failures: natural('Maps and unmaps that failed.'),
  otherFailures: natural('Other requests that failed.'),
  errors: dictionary('All of these by errno.', natural('Requests.')),
});

/** The schema of what `pgtrace windows --json` prints. */
export function modelsSchema(): Schema {
  const root = object('The same maps under several ways of pinning and accounting guest memory.', {
    schema: constant('Kind and version of the document; keys may be added within a version.', WINDOWS_SCHEMA),
    tool: TOOL_SCHEMA,
    trace: object('The trace.', {
      format: text('Format of the input.'),
      maps: natural('Maps in it.'),
      unmaps: natural('Unmaps in it.'),
      leftOut: natural('Maps that failed when they were recorded.'),
      hasWindows: flag('It has requests to containers.'),
      plainDomains: natural('Domains with plain maps.'),
    }),
    process: object('The process whose memory devices reach.', {
      cpuPage: integer('Bytes of a CPU page.', 1),
      rlimit: nullable(natural('Bytes that may be locked; null: no limit.')),
    }),
    memory: object('Guest memory that plain maps were taken to refer to.', {
      ranges: natural('Ranges that do not touch.'),
      bytes: natural('Bytes of them.'),
    }),
    windows: list(
      'Windows that domains with plain maps were given.',
      object('A window from 0.', {
        domain: text('Id of the domain.'),
        size: natural('Bytes.'),
        page: natural('Bytes of a page.'),
      }),
    ),
    nesting: word('Who follows maps of nested address spaces.', NESTINGS),
    models: list('What each came to.', MODEL),
  });
  return schemaDocument(WINDOWS_SCHEMA, 'Ways of mapping guest memory for DMA', root, {});
}
