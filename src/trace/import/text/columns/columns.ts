import { TimeStamp } from '../time-stamp.ts';

/** Where the columns of an event line are, after one of its forms was found to agree. */
export class Columns {
  commStart = 0;
  commEnd = 0;
  pid = 0;
  cpu = 0;
  /** What the thread was doing: 0 task (or not recorded), 1 softirq, 2 hardirq, 3 NMI. */
  level = 0;
  readonly time = new TimeStamp();
  eventStart = 0;
  eventEnd = 0;
  argsStart = 0;
}
