/** The reader of standard output has gone (`| head`): there is nobody left to work for, and the command ends with 0. */
export class ClosedPipe extends Error {}
