import { describe, expect, it } from 'vitest';
import { fittedNotes, unbroken, wrapped } from '../../src/report/wrap.ts';

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

describe('a command within words', () => {
  it('is broken nowhere, and has its spaces again', () => {
    const text = `All of it: ${unbroken('gen game | replay -')} and more\n`;
    expect(wrapped(text, 24, 2)).toBe('All of it:\n  gen game | replay -\n  and more\n');
    expect(wrapped(text, 8, 2)).toBe('All of\n  it:\n  gen game | replay -\n  and\n  more\n');
    expect(wrapped(text, null, 2)).toBe('All of it: gen game | replay - and more\n');
  });
});

describe('notes with examples', () => {
  const notes = `
Examples:
  replay trace.ndjson     what its tables cost
  dump trace.ndjson --iova 0x7f001000
  help

Exit codes: 0 fine; 2 usage; 3 a trace was unusable; 4
environment`;

  it('stay as they are where they fit', () => {
    expect(fittedNotes(notes, 80)).toBe(notes);
    expect(fittedNotes(notes, null)).toBe(notes);
  });

  it('are filled anew, and keep each example in one piece', () => {
    expect(fittedNotes(notes, 30)).toBe(`
Examples:
  replay trace.ndjson
      what its tables cost
  dump trace.ndjson --iova 0x7f001000
  help

Exit codes: 0 fine; 2 usage; 3
a trace was unusable; 4
environment`);
  });
});
