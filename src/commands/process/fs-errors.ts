import { environmentError } from '../../base/errors.ts';

/** What the file system says, in words. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
  EEXIST: 'it is a file',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'its name is too long',
  ENOTDIR: 'a part of its path is no folder',
  ENOSPC: 'no space left',
  EFBIG: 'it grows beyond the limit on files (ulimit -f)',
  EDQUOT: 'the quota is used up',
  EROFS: 'the file system is read-only',
  EPIPE: 'its reader has gone',
};

/** An error of the file system at writing as an environment error; other errors as they are. */
export function cannotWrite(path: string, error: unknown): Error {
  return refused(path, 'cannot write', error, 'its folder does not exist');
}

/** The same at reading. */
export function cannotRead(path: string, error: unknown): Error {
  return refused(path, 'cannot read', error, 'no such file or folder');
}

function refused(path: string, what: string, error: unknown, missing: string): Error {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return error as Error;
  return environmentError(`${path}: ${what}: ${code === 'ENOENT' ? missing : (WORDS[code] ?? code)}`);
}
