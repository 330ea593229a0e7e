import { lstatSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { StartFault } from './start-fault';

/**
 * What a person can do about a folder, which this setting names, that cannot be used; the path that the error names is
 * the one that is named. Gives what it does not know as it is.
 */
export function explainFolderFault(setting: string, folder: string, error: unknown): unknown {
  const { code, path: at } = Object(error) as NodeJS.ErrnoException;
  const say = (text: string) => new StartFault(`${setting}: ${text}`);
  switch (code) {
    case 'ENOTDIR':
    case 'EEXIST':
      return say(`${folder} is a file or lies below one, and must be a folder.`);
    case 'EACCES':
    case 'EPERM':
      return say(refusal(folder, at === undefined ? folder : nearest(at)));
    case 'EROFS':
      return say(`${at ?? folder} lies on a read-only file system. Mount it writable, or name another folder.`);
    case 'ENOENT':
      return say(absence(at ?? folder));
    case 'ENOSPC':
    case 'EDQUOT':
      return say(`the disk of ${folder} is full. Free some space, and start again.`);
    default:
      return error;
  }
}

/** A piece of ours that is another's has usually been made by one start as root. */
function refusal(folder: string, at: string): string {
  const owner = look(statSync, at)?.uid;
  const user = process.getuid?.();
  if (at === folder || owner === undefined || owner === user)
    return `this user may not write to ${at}. Give it the right to, or name another folder.`;
  return `this user (${user}) may not use ${at}, which belongs to user ${owner}. Give it back: chown -R ${user} ${folder}`;
}

function absence(at: string): string {
  for (let path = at; path !== dirname(path); path = dirname(path)) {
    if (look(lstatSync, path)?.isSymbolicLink() && look(statSync, path) === undefined)
      return `${path} is a link to ${readlinkSync(path)}, which is not there. Make that folder, or name another one.`;
  }
  return `${at} cannot be made: nothing can be made in ${nearest(at)}. Name another folder.`;
}

/** The path itself, or the folder above it that is there. */
function nearest(path: string): string {
  return path === dirname(path) || look(lstatSync, path) !== undefined ? path : nearest(dirname(path));
}

function look(how: (path: string) => Stats, path: string): Stats | undefined {
  try {
    return how(path);
  } catch {
    return undefined;
  }
}
