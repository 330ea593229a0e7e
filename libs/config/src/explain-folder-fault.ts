import { StartFault } from './start-fault';

/** What a person can do about a folder, which this setting names, that cannot be used. Gives what it does not know as it is. */
export function explainFolderFault(setting: string, path: string, error: unknown): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOTDIR':
    case 'EEXIST':
      return new StartFault(`${setting}: ${path} is a file or lies below one, and must be a folder.`);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    // What mkdir gives where a folder above lies on a read-only file system.
    case 'ENOENT':
      return new StartFault(
        `${setting}: this user may not write to ${path}. Give it the right to, or name another folder.`,
      );
    case 'ENOSPC':
    case 'EDQUOT':
      return new StartFault(`${setting}: the disk of ${path} is full. Free some space, and start again.`);
    default:
      return error;
  }
}
