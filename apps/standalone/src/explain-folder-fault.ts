import { StartFault } from '#config/start-fault';

/** What a person can do about a data folder that cannot be used. Gives what it does not know as it is. */
export function explainFolderFault(path: string, error: unknown): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOTDIR':
    case 'EEXIST':
      return new StartFault(`ENTREPOT_DATA: ${path} is a file or lies below one, and must be a folder.`);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    // What mkdir gives where a folder above lies on a read-only file system.
    case 'ENOENT':
      return new StartFault(
        `ENTREPOT_DATA: this user may not write to ${path}. Give it the right to, or name another folder.`,
      );
    case 'ENOSPC':
    case 'EDQUOT':
      return new StartFault(`The disk of the data folder ${path} is full. Free some space, and start again.`);
    default:
      return error;
  }
}
