import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { TextBytes } from '../../../src/base/text-bytes.ts';
import type { TextOutput } from '../../../src/base/text-output.ts';
import { DEFAULT_REPLAY_OPTIONS } from '../../../src/replay/options.ts';
import { Replayer } from '../../../src/replay/replayer.ts';
import { EventLog } from '../../../src/replay/results/event-log.ts';
import { ResultLines } from '../../../src/replay/results/result-lines.ts';
import { openTrace } from '../../../src/trace/open.ts';

async function replay(events: readonly object[], output: TextOutput): Promise<void> {
  const text = events.map((event) => `${JSON.stringify(event)}\n`).join('');
  const reader = await openTrace('-', Readable.from([Buffer.from(text)]), { lenient: false, layer: null });
  const log = new EventLog();
  const replayer = new Replayer(DEFAULT_REPLAY_OPTIONS, reader, new ResultLines(output, log), log);
  const outcome = await reader.read((batch) => replayer.consume(batch));
  expect(outcome.error).toBeNull();
  replayer.finish();
}

describe('result lines', () => {
  it('are the same as bytes and as strings, wherever the bytes are handed over and whatever domains are called', async () => {
    const names = ['d', 'x'.repeat(700), 'ä€😀'.repeat(90), 'a"\\\u0007'.repeat(60), 'é'];
    const events: object[] = names.map((id) => ({ op: 'domain', id }));
    for (let i = 0; i < 400; i++) {
      const domain = names[i % names.length];
      const iova = `0x${(0x1000 * i).toString(16)}`;
      events.push({ op: 'map', domain, iova, paddr: iova, size: 4096 * (1 + (i % 3)) });
      if (i % 3 === 0) events.push({ op: 'unmap', domain, iova, size: 4096 });
      if (i % 7 === 0) events.push({ op: 'walk', domain, iova });
    }
    const strings: string[] = [];
    await replay(events, { write: (text) => void strings.push(text) });
    for (const size of [4096, 4099, 5000, 65_536]) {
      const pieces: Buffer[] = [];
      const bytes = new TextBytes((piece) => void pieces.push(Buffer.from(piece)), size);
      await replay(events, { write: (text) => void bytes.text(text), bytes: () => bytes });
      bytes.drain();
      expect(Buffer.concat(pieces).toString() === strings.join('')).toBe(true);
    }
    const lines = strings.join('').trimEnd().split('\n');
    expect(lines).toHaveLength(events.length);
    expect(lines.map((line) => (JSON.parse(line) as { domain: string }).domain)).toEqual(
      events.map((event) => ('id' in event ? event.id : (event as { domain: string }).domain)),
    );
  });
});
