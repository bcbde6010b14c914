import { describe, expect, it } from 'vitest';
import { modelNames } from '../../src/commands/windows/windows-options.ts';

describe('windows --models', () => {
  it('takes all alone', () => {
    expect(modelNames('all')).toEqual(modelNames(undefined));
    expect(modelNames('v2, type1')).toEqual(['v2', 'type1']);
  });

  it.each(['all,v1', 'v1,all', 'all,all', 'all,v9'])('refuses %s', (models) => {
    expect(() => modelNames(models)).toThrow(
      `--models ${models}: all is every model; give it alone, or name those that are wanted`,
    );
  });
});
