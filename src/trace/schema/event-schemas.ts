import { constant, object, type Schema } from '../../base/json-schema.ts';
import type { OpName } from '../events.ts';
import type { EventShape } from './event-shape.ts';
import { JOB_EVENTS } from './job-schemas.ts';
import { MAPPING_EVENTS } from './mapping-schemas.ts';
import { RANGE_EVENTS } from './range-schemas.ts';
import { SPACE_EVENTS } from './space-schemas.ts';
import { WINDOW_EVENTS } from './window-schemas.ts';

const EVENTS: Readonly<Record<OpName, EventShape>> = {
  ...SPACE_EVENTS,
  ...MAPPING_EVENTS,
  ...RANGE_EVENTS,
  ...JOB_EVENTS,
  ...WINDOW_EVENTS,
};

/** The schema of the events of one operation. */
export function eventSchema(op: OpName): Schema {
  const [description, keys, rules] = EVENTS[op];
  return object(description, { op: constant('The operation.', op), ...keys }, rules);
}
