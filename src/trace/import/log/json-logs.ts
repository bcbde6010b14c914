/** Lines of an input that are looked at: other programs begin their logs with lines about themselves. */
const LINES_LOOKED_AT = 40;

/** Logs in JSON that hold text which is read, and how to get it out. */
const KINDS: readonly (readonly [RegExp, string])[] = [
  [
    /^\{\s*"type"\s*:\s*"(?:attached_probes|printf|lost_events|time|map|hist|stats|join|strftime|cat|value)"\s*,\s*"(?:data|id)"\s*:/,
    'the JSON of bpftrace -f json; take out what the program printed: `jq -j \'select(.type == "printf").data\' FILE | pgtrace import -`',
  ],
  [
    /^\{.{0,4000}"(?:__REALTIME_TIMESTAMP|__CURSOR|_TRANSPORT|_BOOT_ID)"\s*:/,
    'the JSON of the journal; write it as text: `journalctl -k -o short-monotonic > trace.txt`',
  ],
  [/^\{\s*"dmesg"\s*:/, 'the JSON of dmesg -J; write it as text: `dmesg > trace.txt`'],
  [
    /^(?:\[\s*)?\{\s*"(?:traceEvents|displayTimeUnit|systemTraceEvents|otherData|stackFrames)"\s*:/,
    'a trace in the JSON of Chrome or Perfetto; save the ftrace text itself: `cat /sys/kernel/tracing/trace > trace.txt`, or `traceconv systrace FILE trace.html` of a Perfetto trace',
  ],
  [
    /^(?:\[\s*)?\{(?=.{0,4000}"ph"\s*:\s*"\w")(?=.{0,4000}"(?:ts|pid|cat)"\s*:)/,
    'a trace in the JSON of Chrome or Perfetto; save the ftrace text itself: `cat /sys/kernel/tracing/trace > trace.txt`, or `traceconv systrace FILE trace.html` of a Perfetto trace',
  ],
];

/**
 * What log in JSON a text is that is not pgtrace's own language, with the command that makes it readable, for people; null
 * when it is none that is known.
 */
export function jsonLog(text: string): string | null {
  const body = text.trimStart();
  if (!body.startsWith('{') && !body.startsWith('[')) return null;
  for (const line of body.split('\n', LINES_LOOKED_AT)) {
    const start = line.trimStart();
    // An object with an op is an event, whatever else it holds.
    if (/^\{\s*"op"\s*:/.test(start)) return null;
    const kind = KINDS.find(([form]) => form.test(start));
    if (kind !== undefined) return kind[1];
  }
  // Objects that are written over several lines.
  const joined = body.slice(0, 4096).replace(/\s+/g, ' ');
  return KINDS.find(([form]) => form.test(joined))?.[1] ?? null;
}
