import { EXIT_OK } from '../../base/errors.ts';
import { checkSchema } from '../../report/check/check-schema.ts';
import { modelsSchema } from '../../report/window/models-schema.ts';
import { compareSchema } from '../../stats/schema/compare-schema.ts';
import { enginesSchema } from '../../stats/schema/engines-schema.ts';
import { statsSchema } from '../../stats/schema/stats-schema.ts';
import { rowSchema } from '../../sweep/row-schema.ts';
import { traceSchema } from '../../trace/schema/trace-schema.ts';
import type { Io } from '../process/io.ts';
import { StreamOutput } from '../process/output.ts';

const SCHEMAS = {
  stats: statsSchema,
  compare: compareSchema,
  engines: enginesSchema,
  check: checkSchema,
  row: rowSchema,
  trace: traceSchema,
  windows: modelsSchema,
};

/** What has a schema. */
export type SchemaName = keyof typeof SCHEMAS;

/** `pgtrace schema`: prints a JSON Schema. Returns the exit code. */
export function schemaCommand(name: SchemaName, io: Io): number {
  const output = new StreamOutput(io.stdout);
  output.write(`${JSON.stringify(SCHEMAS[name](), null, 2)}\n`);
  output.close();
  return EXIT_OK;
}
