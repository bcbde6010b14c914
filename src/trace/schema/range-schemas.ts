import { hex, type Keys, list, natural, optional, type Schema, text, word } from '../../base/json-schema.ts';
import { type EventShape, without } from './event-shape.ts';
import { DEPTH, ID, IN_DOMAIN, IOVA, SIZE } from './fields.ts';

/** A range given whole or not at all. */
const RANGE_OR_NOT: Schema = { dependentRequired: { iova: ['size'], size: ['iova'] } };

/** What the end of a reservation has: its id, or its range, or both. */
const ENDING: Keys = {
  ...IN_DOMAIN,
  id: text('Id of the reservation.'),
  iova: optional(IOVA),
  size: optional(SIZE),
  depth: optional(DEPTH),
};

/** Events about IOVA reservations and the readers of page tables. */
export const RANGE_EVENTS = {
  reserve: [
    'Makes and pins the tables of a range.',
    {
      ...IN_DOMAIN,
      id: ID,
      iova: IOVA,
      size: SIZE,
      depth: optional(DEPTH),
      domains: optional({
        ...list('Several address spaces in turn instead of `domain`: in all of them or in none.', text('An id.')),
        minItems: 1,
      }),
    },
    { not: { required: ['domain', 'domains'] } },
  ],
  unreserve: ['Unpins tables of a reservation.', ENDING, RANGE_OR_NOT],
  release: ['Unmaps and unpins a reservation.', ENDING, RANGE_OR_NOT],
  rcu_read: [
    'A reader under RCU: whole, with `begin` and `end`, or one of its ends, with `id` and `phase`.',
    {
      ...IN_DOMAIN,
      begin: optional(natural('Nanoseconds at which it began.')),
      id: optional(ID),
      phase: optional(word('Which of its ends.', ['begin', 'end'])),
      iova: optional(hex('The address that it is walking to.')),
    },
    {
      oneOf: [
        { required: ['begin', 'end'], ...without('phase') },
        { required: ['id', 'phase'], ...without('begin') },
      ],
    },
  ],
} as const satisfies Readonly<Record<string, EventShape>>;
