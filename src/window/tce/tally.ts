/** What windows, pre-registration and mappings through them came to over a run. Bytes where the name says so, else counts. */
export class WindowTally {
  windowsCreated = 0;
  windowsRemoved = 0;
  windowsRefused = 0;
  windowsLive = 0;
  /** Table bytes that locked memory is charged with, and those that are there. */
  accountedBytes = 0;
  accountedBytesPeak = 0;
  allocatedBytes = 0;
  allocatedBytesPeak = 0;

  registered = 0;
  registeredAgain = 0;
  registerRefused = 0;
  unregistered = 0;
  registeredBytes = 0;
  registeredBytesPeak = 0;

  /** Pages looked up for a TCE: found, not found, and found in backing pages that are too small. */
  hits = 0;
  misses = 0;
  denied = 0;

  pins = 0;
  unpins = 0;
  pinCalls = 0;
  /** TCEs that version 2 wrote without pinning or accounting anything. */
  pinsAvoided = 0;
  accountCalls = 0;

  tcesWritten = 0;
  tcesReplaced = 0;
  tcesCleared = 0;
  tcesLost = 0;
  tcesLive = 0;
  tcesLivePeak = 0;
  /** Invalidations, each of a range. */
  kills = 0;
  /** Entries that clears looked at; a missing lower table counts once. */
  clearSteps = 0;
  falseSuccesses = 0;

  maps = 0;
  unmaps = 0;
  failures = 0;

  noteTables(accounted: number, allocated: number): void {
    this.accountedBytes += accounted;
    this.allocatedBytes += allocated;
    this.accountedBytesPeak = Math.max(this.accountedBytesPeak, this.accountedBytes);
    this.allocatedBytesPeak = Math.max(this.allocatedBytesPeak, this.allocatedBytes);
  }

  noteRegistered(bytes: number): void {
    this.registeredBytes += bytes;
    this.registeredBytesPeak = Math.max(this.registeredBytesPeak, this.registeredBytes);
  }

  noteWritten(tces: number): void {
    this.tcesWritten += tces;
    this.tcesLive += tces;
    this.tcesLivePeak = Math.max(this.tcesLivePeak, this.tcesLive);
  }

  notePinned(pages: number): void {
    this.pins += pages;
    this.pinCalls++;
  }
}
