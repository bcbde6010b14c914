import { TimeStamp } from '../time-stamp.ts';

/** Lines of the two kinds of columns that most recordings have; others are rare. */
export const FORM_CPU = 1;
export const FORM_PERF = 2;
export const FORM_OTHER = 0;

/** Where the columns of an event line are, after one of its forms was found to agree. */
export class Columns {
  /** Which form agreed, and the place that it agrees from: the sign before a process, or the process. */
  form: typeof FORM_CPU | typeof FORM_PERF | typeof FORM_OTHER = FORM_OTHER;
  place = 0;
  commStart = 0;
  commEnd = 0;
  pid = 0;
  cpu = 0;
  /** What the thread was doing: 0 task (or not recorded), 1 softirq, 2 hardirq, 3 NMI. */
  level = 0;
  readonly time = new TimeStamp();
  /** Where the time begins, in the two usual forms. */
  timeStart = 0;
  eventStart = 0;
  eventEnd = 0;
  argsStart = 0;
}
