import { describe, expect, it } from 'vitest';
import { wrapped } from '../../src/report/wrap.ts';

const RED = (text: string): string => `\u001b[31m${text}\u001b[39m`;

describe('wrapped', () => {
  it('breaks between words and hangs what follows', () => {
    expect(wrapped('one two three four\nfive\n', 9, 2)).toBe('one two\n  three\n  four\nfive\n');
  });

  it('counts no colour codes as width', () => {
    expect(wrapped(`${RED('one')} two three`, 7, 0)).toBe(`${RED('one')} two\nthree`);
  });

  it('leaves a word alone that is wider than the terminal, and everything off a terminal', () => {
    expect(wrapped('a 0123456789 b', 5, 1)).toBe('a\n 0123456789\n b');
    expect(wrapped('one two three', null, 4)).toBe('one two three');
  });

  it('keeps the gaps of aligned rows', () => {
    expect(wrapped('name        one two three four', 20, 12)).toBe(
      'name        one two\n            three\n            four',
    );
  });
});
