import { list, natural, optional, word } from '../../base/json-schema.ts';
import type { EventShape } from './event-shape.ts';
import { BIND_OP, COMMON, ID, IN_DOMAIN, name, SEGMENT, SIZE } from './fields.ts';

const JOB = name('Id of the job.');

/** Events of VM_BIND: buffer objects, jobs. */
export const JOB_EVENTS = {
  bo: [
    'A buffer object and its physical memory.',
    {
      ...COMMON,
      id: ID,
      size: SIZE,
      segments: list('Its memory in order.', SEGMENT),
      folio: optional(natural('Bytes of the folios that it is made of.')),
    },
  ],
  bind: [
    'A VM_BIND ioctl: the reservation happens here.',
    {
      ...IN_DOMAIN,
      job: JOB,
      mode: word('Whether the caller waits.', ['sync', 'async']),
      ops: list('Its operations in order.', BIND_OP),
    },
  ],
  exec: ['An asynchronous job runs.', { ...IN_DOMAIN, job: JOB }],
  cleanup: ['What a job reserved and did not use goes back.', { ...IN_DOMAIN, job: JOB }],
} as const satisfies Readonly<Record<string, EventShape>>;
