import { EXIT_INTERRUPTED } from '../../base/errors.ts';
import { plural } from '../../base/sizes.ts';
import type { Io } from './io.ts';

/** Whether the user has asked for an end with SIGINT or SIGTERM; `stop` ends the listening. */
export interface Interrupt {
  readonly asked: boolean;
  stop(): void;
}

/** Listens for the first such signal and tells `onSignal`; a second one ends the process at once. */
export function listenForInterrupt(io: Io, onSignal: () => void = () => {}): Interrupt {
  const interrupt = { asked: false, stop };
  function stop(): void {
    io.removeListener('SIGINT', hear);
    io.removeListener('SIGTERM', hear);
  }
  function hear(): void {
    interrupt.asked = true;
    stop();
    onSignal();
  }
  io.on('SIGINT', hear);
  io.on('SIGTERM', hear);
  return interrupt;
}

/** Tells on stderr how far an interrupted run came, and gives its exit code. */
export function interruptedExit(events: number, io: Io): number {
  io.stderr.write(`pgtrace: interrupted after ${plural(events, 'event')}\n`);
  return EXIT_INTERRUPTED;
}
