/** What the repeat mappings of one address space came to. */
export class RepeatTally {
  /** Repetitions that were mapped, and the bytes of them as translated. */
  repetitions = 0;
  bytes = 0;
  /** Entries written, leaves and links to tables. */
  written = 0;
  /** Repeat mappings that were made with shared tables. */
  shared = 0;
  /** Those that were to be, but use tables of their own, since a reservation pins tables of their range. */
  plainForPins = 0;
  /** Bytes that failed ones left mapped. */
  leaked = 0;
}
