/** The reader of standard output has gone (`| head`): there is nobody left to work for. */
export class ClosedPipe extends Error {}
