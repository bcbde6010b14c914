/** More lines than threads that a kernel can have; beyond it is damage. */
const MOST_LINES = 1 << 22;

/**
 * Command names by thread id, from the lines `pid name` that a kernel saves for its traces (saved_cmdlines).
 * The idle tasks share the id 0 and have no line.
 */
export function parseCmdlines(text: string): Map<number, string> {
  const comms = new Map<number, string>([[0, '<idle>']]);
  let at = 0;
  for (let lines = 0; at < text.length && lines < MOST_LINES; lines++) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    const line = /^(\d{1,10}) (.{1,64})/.exec(text.slice(at, Math.min(end, at + 80)));
    // Kernels that do not know a name print <...>.
    if (line !== null && line[2] !== '<...>') comms.set(Number(line[1]), line[2]);
    at = end + 1;
  }
  return comms;
}
