import { expect, test } from 'vitest';
import { parseCmdlines } from '../../../../src/trace/import/binary/cmdlines.ts';

test('names of commands by thread', () => {
  const comms = parseCmdlines('235 dd\n7 kworker/u8:1-ev\n9 <...>\nnonsense\n4194304 a b c\n12 last');
  expect([...comms]).toEqual([
    [0, '<idle>'],
    [235, 'dd'],
    [7, 'kworker/u8:1-ev'],
    [4194304, 'a b c'],
    [12, 'last'],
  ]);
  expect(parseCmdlines('').get(0)).toBe('<idle>');
});
